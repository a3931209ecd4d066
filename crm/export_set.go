package crm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// The set of contacts of an export is fixed before the first of them is
// written. A small one lies in memory; a larger one is a blob, tied to a job row
// of kind contact_export that waits to remove it: the row shows the export to
// its user and its administrators, and whatever becomes of the process that
// writes the file, the set is there for a day and not longer.

const (
	// exportInMemory is how many ids (16 bytes each) an export keeps in memory.
	exportInMemory = 10_000
	// exportKept is how long a stored set waits to be written to the end.
	exportKept = 24 * time.Hour
)

// exportPayload is what a resumed export needs to know.
type exportPayload struct {
	Format   string `json:"format"`
	FileName string `json:"fileName"`
	Trash    bool   `json:"trash,omitempty"`
}

// exportResult is the result of an export's job.
type exportResult struct {
	Contacts int `json:"contacts"`
	LeftOut  int `json:"leftOut"`
}

// fix reads the ids of all matches, once.
func (e *Export) fix(ctx context.Context, next idPages) error {
	ids := &idReader{ctx: ctx, next: next}
	head := make([]byte, (exportInMemory+1)*len(ID{}))
	n, err := io.ReadFull(ids, head)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		e.small = bytes.Clone(head[:n])
		e.Total = n / len(ID{})
		return nil
	case err != nil:
		return err
	}
	return e.store(ctx, io.MultiReader(bytes.NewReader(head), ids))
}

// store puts the set into a blob. The job that removes it comes first, so that
// a kill leaves nothing that nobody removes.
func (e *Export) store(ctx context.Context, ids io.Reader) error {
	k, ws := e.core, e.actor.Workspace
	j, err := k.jobs.newJob(e.actor, JobContactExport, ID{}, exportPayload{e.Format, e.FileName, e.trash})
	if err != nil {
		return err
	}
	j.Status, j.RunAt = JobScheduled, k.now().Add(exportKept)
	if err := k.inTx(ctx, ws, func(tx Tx) error { return k.jobs.put(ctx, tx, e.actor, j) }); err != nil {
		return err
	}
	e.ID = j.ID
	size, err := k.blobs.PutBlob(ctx, ws, j.ID, ids)
	if err == nil {
		e.Total = int(size) / len(ID{})
		err = k.changeSetJob(ctx, ws, j.ID, func(j *Job) error {
			j.Total = int64(e.Total)
			return encodeSet(j, bulkCheckpoint{Fixed: true, Total: j.Total})
		})
	}
	if err != nil {
		e.Close(ctx)
	}
	return err
}

// open reads the set from its beginning.
func (e *Export) open(ctx context.Context) (io.ReadCloser, error) {
	switch {
	case e.ID.IsZero():
		return io.NopCloser(bytes.NewReader(e.small)), nil
	case e.over:
		return nil, stateError(e.ID, "the export is over; prepare another one")
	}
	ids, err := e.core.blobs.OpenBlob(ctx, e.actor.Workspace, e.ID, 0)
	if err != nil {
		return nil, fmt.Errorf("open the set of contacts: %w", err)
	}
	return ids, nil
}

// end removes a stored set and notes how the export ended. What fails is left
// to the job.
func (e *Export) end(ctx context.Context, status JobStatus, result any) {
	if e.ID.IsZero() || e.over {
		return
	}
	e.over = true
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishPatience)
	defer cancel()
	k, ws := e.core, e.actor.Workspace
	err := k.blobs.DeleteBlob(ctx, ws, e.ID)
	if err == nil {
		err = k.changeSetJob(ctx, ws, e.ID, func(j *Job) (err error) {
			if j.Status.Final() {
				return nil
			}
			j.Status, j.FinishedAt, j.Done = status, k.now(), j.Total
			if result != nil {
				j.Result, err = json.Marshal(result)
			}
			return errors.Join(err, encodeSet(j, bulkCheckpoint{Fixed: true, Total: j.Total, Removed: true}))
		})
	}
	if err != nil {
		k.log.Warn("set of an export not removed; its job removes it within a day", "job", e.ID, "error", err)
	}
}

// Resume returns an export whose writing was cut off, by the ID it had: the same
// set and format, from the beginning, as long as it was not closed and is not a
// day old. Another user's is ErrNotFound.
func (s *ExportService) Resume(ctx context.Context, actor Actor, id ID) (*Export, error) {
	if err := actor.Authorize(PermContactsRead); err != nil {
		return nil, fmt.Errorf("resume export: %w", err)
	}
	e, err := s.resume(ctx, actor, id)
	if err != nil {
		return nil, fmt.Errorf("resume export %s: %w", id, err)
	}
	return e, nil
}

func (s *ExportService) resume(ctx context.Context, actor Actor, id ID) (*Export, error) {
	j, err := s.core.store.GetJob(ctx, actor.Workspace, id)
	if err != nil {
		return nil, err
	}
	if j.Kind != JobContactExport || j.Actor.User != actor.User {
		return nil, ErrNotFound
	}
	at, err := decodeCheckpoint[bulkCheckpoint](j)
	if err != nil {
		return nil, err
	}
	if j.Status.Final() || !at.Fixed {
		return nil, stateError(id, "the export is over; prepare another one")
	}
	var p exportPayload
	if err := json.Unmarshal(j.Payload, &p); err != nil {
		return nil, fmt.Errorf("payload: %w: %w", err, ErrInvalid)
	}
	format, err := s.core.format(p.Format)
	if err != nil {
		return nil, err
	}
	return &Export{
		ID: id, Format: p.Format, MediaType: format.MediaType(), FileName: p.FileName, Total: int(at.Total),
		core: s.core, actor: actor, format: format, trash: p.Trash,
	}, nil
}

// runExportJob is the handler of an export's job, which is due only when the
// export was not written to its end: it removes the set.
func (s *ExportService) runExportJob(ctx context.Context, run *JobRun) error {
	at, err := decodeCheckpoint[bulkCheckpoint](run.Job)
	if err != nil {
		return err
	}
	if err := s.core.blobs.DeleteBlob(ctx, run.Job.Workspace, run.Job.ID); err != nil {
		return fmt.Errorf("remove the set of contacts: %w", err)
	}
	at.Removed = true
	err = run.InTx(ctx, JobStep{Checkpoint: func() any { return at }}, func(Tx) error { return nil })
	if err != nil {
		return err
	}
	return Invalid("export", CodeInvalid, "was not fetched to its end within a day; export again")
}

// changeSetJob changes the row of a job that owns a set.
func (k *core) changeSetJob(ctx context.Context, ws WorkspaceID, id ID, change func(*Job) error) error {
	return k.inTx(ctx, ws, func(tx Tx) error {
		j, err := tx.GetJob(ctx, ws, id)
		if err != nil {
			return err
		}
		expect, was := j.Version, j.Status
		if err := change(&j); err != nil {
			return err
		}
		j.Version++
		if err := tx.PutJob(ctx, ws, j, expect); err != nil || was.Final() || !j.Status.Final() {
			return err
		}
		return tx.AppendEvents(ctx, ws, []Event{k.jobs.event(EventJobFinished, EventActor{Kind: ActorSystem}, j)})
	})
}

func encodeSet(j *Job, at bulkCheckpoint) error {
	text, err := json.Marshal(at)
	j.Checkpoint = text
	return err
}
