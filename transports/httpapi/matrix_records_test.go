package httpapi_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/internal/testkit/teststore"
)

func (w *matrixWorld) makeContact(ctx context.Context, as crm.Actor, kind recordKind, secret string) (crm.ID, error) {
	c, err := w.app.Contacts.Create(ctx, as, crm.NewContact{DisplayName: secret + " person " + w.unique(), Tags: []string{secret}, Notes: secret})
	if err != nil {
		return crm.ID{}, err
	}
	switch kind {
	case aTrashed:
		_, err = w.app.Contacts.Delete(ctx, as, c.ID, 0)
	case anInteraction:
		i, err := w.app.Interactions.Create(ctx, as, crm.NewInteraction{
			Type: crm.InteractionNote, Subject: secret, OccurredAt: time.Now().Add(-time.Hour), Participants: []crm.NewParticipant{{Contact: c.ID}},
		})
		return i.ID, err
	}
	return c.ID, err
}

// makeImport makes one whose dry run is over, or that is committed: by hand,
// because no worker is there. Of the job that committed it the job is returned.
func (w *matrixWorld) makeImport(ctx context.Context, as crm.Actor, kind recordKind, secret string) (crm.ID, error) {
	in := crm.NewImport{Format: "jsonl", FileName: secret, Body: strings.NewReader(`{"displayName":"` + secret + ` row ` + w.unique() + `"}`)}
	i, err := w.app.Imports.Create(ctx, as, in)
	if err != nil {
		return crm.ID{}, err
	}
	if _, err = w.app.Imports.Preview(ctx, as, i.ID, crm.ImportOptions{}); err != nil || kind == aReadyImport {
		return i.ID, err
	}
	_, j, err := w.app.Imports.Commit(ctx, as, i.ID, 0, crm.ImportOptions{})
	if err != nil {
		return crm.ID{}, err
	}
	err = w.store.InTx(ctx, func(tx crm.Tx) error {
		i, err := tx.GetImport(ctx, as.Workspace, i.ID)
		if err != nil {
			return err
		}
		i.Status, i.Version = crm.ImportCommitted, i.Version+1
		if err := tx.PutImport(ctx, as.Workspace, i, i.Version-1); err != nil {
			return err
		}
		return endJob(ctx, tx, as.Workspace, j.ID, crm.JobSucceeded)
	})
	if kind == anImportsJob {
		return j.ID, err
	}
	return i.ID, err
}

// makeJob makes a bulk action that waits, or has ended: by hand, because no
// worker is there.
func (w *matrixWorld) makeJob(ctx context.Context, as crm.Actor, kind recordKind, secret string) (crm.ID, error) {
	action := crm.BulkAction{Verb: crm.BulkTag, AddTags: []string{"x"}}
	j, err := w.app.Contacts.BulkByFilter(ctx, as, crm.ContactFilter{Tags: []string{secret}}, action)
	if err != nil || kind == aWaitingJob {
		return j.ID, err
	}
	end := crm.JobSucceeded
	if kind == aCancelledJob {
		end = crm.JobCancelled
	}
	return j.ID, w.store.InTx(ctx, func(tx crm.Tx) error { return endJob(ctx, tx, as.Workspace, j.ID, end) })
}

func endJob(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, id crm.ID, end crm.JobStatus) error {
	j, err := tx.GetJob(ctx, ws, id)
	if err != nil {
		return err
	}
	j.Status, j.FinishedAt, j.Version = end, time.Now().UTC().Truncate(time.Microsecond), j.Version+1
	return tx.PutJob(ctx, ws, j, j.Version-1)
}

// notContents are columns that a request may change without having done
// anything: when somebody was last seen.
func notContents(table string) []string {
	switch table {
	case "sessions":
		return []string{"seen_at"}
	case "api_keys":
		return []string{"used_at"}
	}
	return nil
}

// tableState is what a table held: how many rows, and a digest of them all.
type tableState struct {
	rows   int
	digest string
}

// contents reads every row of every table: events, records, keys of requests.
func (w *matrixWorld) contents() map[string]tableState {
	w.t.Helper()
	state := map[string]tableState{}
	tables, columnsOf, quote, from := "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
		"SELECT name FROM pragma_table_info('%s')", "quote(%s)", `"%s"`
	if teststore.OnServer() {
		tables, columnsOf, quote, from = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'crm' AND table_type = 'BASE TABLE'",
			"SELECT column_name FROM information_schema.columns WHERE table_schema = 'crm' AND table_name = '%s'", "quote_nullable(CAST(%s AS text))", "crm.%s"
		w.settle()
	}
	for _, table := range w.column(tables) {
		columns := w.column(fmt.Sprintf(columnsOf, table))
		columns = slices.DeleteFunc(columns, func(name string) bool { return slices.Contains(notContents(table), name) })
		parts := make([]string, len(columns))
		for i, name := range columns {
			parts[i] = fmt.Sprintf(quote, name)
		}
		rows := w.column(`SELECT ` + strings.Join(parts, " || ',' || ") + ` FROM ` + fmt.Sprintf(from, table) + ` ORDER BY 1`)
		sum := sha256.Sum256([]byte(strings.Join(rows, "\n")))
		state[table] = tableState{len(rows), hex.EncodeToString(sum[:8])}
	}
	return state
}

// settle waits until the store has worked out what was committed, which it does
// behind the commit.
func (w *matrixWorld) settle() {
	w.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for w.column("SELECT (SELECT count(*) FROM crm.event_inbox) + (SELECT count(*) FROM crm.pending_counts)")[0] != "0" {
		if time.Now().After(deadline) {
			w.t.Fatal("the log does not settle")
		}
		time.Sleep(time.Millisecond)
	}
}

// column returns the only column of an answer.
func (w *matrixWorld) column(query string) []string {
	w.t.Helper()
	rows, err := w.db.QueryContext(w.t.Context(), query)
	if err != nil {
		w.t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close() //nolint:errcheck // Err says it.
	var all []string
	for rows.Next() {
		var value sql.NullString
		if err := rows.Scan(&value); err != nil {
			w.t.Fatal(err)
		}
		all = append(all, value.String)
	}
	if err := rows.Err(); err != nil {
		w.t.Fatal(err)
	}
	return all
}

// changes says how two states differ.
func changes(before, after map[string]tableState) []string {
	var found []string
	for table, was := range before {
		if is := after[table]; is != was {
			found = append(found, fmt.Sprintf("refused calls changed the table %s: %d rows %s, then %d rows %s", table, was.rows, was.digest, is.rows, is.digest))
		}
	}
	slices.Sort(found)
	return found
}
