package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"go.uber.org/fx"

	"github.com/omnicrm/omnicrm/crm"
)

// journalName is the journal of erasures in the data folder.
const journalName = "erasures.jsonl"

const (
	// journalEvery is how soon an erasure is in the journal.
	journalEvery = time.Second
	// journalNote is after how many events without an erasure the journal notes
	// how far it came, so that a start need not read them again.
	journalNote = 20_000
)

// journalLine is a line of the journal: an erasure, or only how far it came in
// which log.
type journalLine struct {
	*crm.Erasure
	Position crm.Position `json:"position"`
	Epoch    crm.ID       `json:"epoch"`
}

// journal appends every erasure of the event log to a file, which outlives the
// database. Several processes may append to one file: a line that stands there
// twice means what it means once.
type journal struct {
	path string
	app  *crm.CRM
	// epoch is that of the log.
	epoch crm.ID
	// at is how far the log is read, noted how far the file says it is.
	at, noted crm.Position
}

// openJournal finds how far the file has come. Behind another database than it
// was made beside, it begins anew.
func openJournal(ctx context.Context, path string, app *crm.CRM, store crm.Store) (*journal, error) {
	state, err := store.LogState(ctx)
	if err != nil {
		return nil, err
	}
	if err := cutTorn(path); err != nil {
		return nil, err
	}
	j := &journal{path: path, app: app, epoch: state.Epoch}
	last, err := lastLine(path)
	if err != nil {
		return nil, err
	}
	if last.Epoch == state.Epoch {
		j.at, j.noted = last.Position, last.Position
	}
	return j, nil
}

// catchUp appends what was erased since the last call, and returns when it is on
// the disk.
func (j *journal) catchUp(ctx context.Context) error {
	var lines bytes.Buffer
	out := json.NewEncoder(&lines)
	noted := j.noted
	at, err := j.app.Erasures(ctx, j.at, func(e crm.Erasure, at crm.Position) error {
		noted = at
		return out.Encode(journalLine{&e, at, j.epoch})
	})
	if err != nil {
		return err
	}
	if at-noted >= journalNote {
		noted = at
		if err := out.Encode(journalLine{nil, at, j.epoch}); err != nil {
			return err
		}
	}
	if lines.Len() > 0 {
		if err := appendLines(j.path, lines.Bytes()); err != nil {
			return fmt.Errorf("append to %s: %w", j.path, rootOf(err))
		}
	}
	j.at, j.noted = at, noted
	return nil
}

// appendLines appends whole lines in one write. Beside a database on a server
// the folder may not be there yet.
func appendLines(path string, lines []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600) //nolint:gosec // The path is in the operator's data folder.
	if err != nil {
		return err
	}
	_, err = f.Write(lines)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// cutTorn takes away a last line without its end, which a power cut leaves: what
// it should say is not noted and is appended again.
func cutTorn(path string) error {
	text, err := os.ReadFile(path) //nolint:gosec // The path is in the operator's data folder.
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if end := bytes.LastIndexByte(text, '\n') + 1; err == nil && end < len(text) {
		err = os.Truncate(path, int64(end))
	}
	return err
}

// lastLine is the journal's last line, a zero one without any.
func lastLine(path string) (journalLine, error) {
	var last journalLine
	err := eachLine(path, func(line []byte) error {
		var l journalLine
		if json.Unmarshal(line, &l) == nil {
			last = l
		}
		return nil
	})
	return last, err
}

// eachLine hands the lines of a file to do; none of a file that is not there.
func eachLine(path string, do func(line []byte) error) error {
	f, err := os.Open(path) //nolint:gosec // The path is in the operator's data folder.
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // It was only read.
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if err := do(lines.Bytes()); err != nil {
			return err
		}
	}
	return lines.Err()
}

// run catches up again and again until ctx ends, and once more then.
func (j *journal) run(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(journalEvery)
	defer tick.Stop()
	failed := false
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), journalEvery)
			defer cancel()
			j.tell(log, j.catchUp(last), &failed)
			return
		case <-tick.C:
			if err := j.catchUp(ctx); ctx.Err() == nil {
				j.tell(log, err, &failed)
			}
		}
	}
}

// tell logs the first failure of a row, and its end.
func (j *journal) tell(log *slog.Logger, err error, failed *bool) {
	switch {
	case err != nil && !*failed:
		log.Error("erasures are not noted in the journal; they are noted when it can be written again", "error", err)
	case err == nil && *failed:
		log.Info("erasures are noted in the journal again")
	}
	*failed = err != nil
}

// keepErasures keeps the journal in the data folder while the server runs.
func keepErasures(g *Globals, log *slog.Logger) fx.Option {
	return fx.Invoke(func(life fx.Lifecycle, app *crm.CRM, store crm.Store) {
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		life.Append(fx.Hook{
			OnStart: func(start context.Context) error {
				j, err := openJournal(start, filepath.Join(g.Data, journalName), app, store)
				if err != nil {
					cancel()
					return fmt.Errorf("open the journal of erasures: %w", err)
				}
				go func() {
					defer close(done)
					j.run(ctx, log)
				}()
				return nil
			},
			OnStop: func(context.Context) error {
				cancel()
				<-done
				return nil
			},
		})
	})
}

// erasuresCmd prints the journal.
type erasuresCmd struct {
	Since string `placeholder:"TIME" help:"Only those since a day (2026-11-27) or a time (2026-11-27T08:00:00Z). Default: all."`
}

// Help says what the list is for.
func (erasuresCmd) Help() string {
	return "Prints JSON lines of ids and times, no personal data: who was removed for good, by an erase or from the trash. " +
		"Keep them apart from the database, as long as backups that hold those people, and give them to restore --erasures. " +
		"A server also appends them to " + journalName + " in the data folder, within a second."
}

// Run implements the command.
func (c erasuresCmd) Run(ctx context.Context, g *Globals, t terminal) error {
	since, err := c.since()
	if err != nil {
		return err
	}
	return g.with(ctx, t, func(ctx context.Context, p parts) error {
		path := filepath.Join(g.Data, journalName)
		j, err := openJournal(ctx, path, p.App, p.Store)
		if err == nil {
			err = j.catchUp(ctx)
		}
		if err != nil {
			return err
		}
		return printErasures(t.out, path, since)
	})
}

func (c erasuresCmd) since() (time.Time, error) {
	if c.Since == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if at, err := time.Parse(layout, c.Since); err == nil {
			return at, nil
		}
	}
	return time.Time{}, usageError{"--since: must be a day such as 2026-11-27 or a time such as 2026-11-27T08:00:00Z"}
}

func printErasures(w io.Writer, path string, since time.Time) error {
	out := bufio.NewWriter(w)
	f, err := os.Open(path) //nolint:gosec // The path is in the operator's data folder.
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open %s: %w", path, rootOf(err))
	}
	defer f.Close() //nolint:errcheck // It was only read.
	all, err := crm.ReadErasures(f)
	if err != nil {
		return err
	}
	seen := map[crm.Erasure]bool{}
	lines := json.NewEncoder(out)
	for _, e := range all {
		if e.At.Before(since) || seen[e] {
			continue
		}
		seen[e] = true
		if err := lines.Encode(e); err != nil {
			return err
		}
	}
	return out.Flush()
}
