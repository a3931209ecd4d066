package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/omnicrm/omnicrm/adapters/postgres"
	"github.com/omnicrm/omnicrm/adapters/sqlite"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
)

// database is a store of either adapter.
type database interface {
	crm.Store
	identity.Store
	io.Closer
}

// openDatabase opens the file or the URL.
func openDatabase(ctx context.Context, at string) (database, error) {
	if isURL(at) {
		return postgres.Open(ctx, at)
	}
	return sqlite.Open(ctx, at)
}

func isURL(at string) bool { return strings.HasPrefix(at, "postgres") }

// onPostgres measures the bars that Postgres has, too, in databases of the server
// that are made for it and dropped afterwards. The server's settings are its own:
// what is measured is as durable as they are.
func (b *bench) onPostgres(ctx context.Context, wanted func(id string) bool) error {
	if b.server == "" {
		fmt.Fprintln(b.out, "Postgres is left out: name a server by -postgres")
		return nil
	}
	b.table.prefix, b.made = "Postgres: ", map[string]string{}
	err := b.measure(ctx, b.sharedCases(), wanted)
	for _, at := range b.made {
		err = errors.Join(err, b.statement(ctx, "DROP DATABASE IF EXISTS "+nameOf(at)+" WITH (FORCE)"))
	}
	return err
}

// sharedCases are those that both adapters have bars for.
func (b *bench) sharedCases() []benchCase {
	return []benchCase{{"P1", b.list}, {"P2", b.scale}, {"P3", b.search}, {"P4", b.imports}, {"P5", b.jobs}, {"P9", b.streams}, {"P11", b.postgresCreates}}
}

// place is where the store of a name lies: a file of the folder, or on Postgres
// a database, which is made when the name is new.
func (b *bench) place(ctx context.Context, folder, name string) (string, error) {
	if b.made == nil {
		return filepath.Join(folder, name+".db"), nil
	}
	if at, ok := b.made[name]; ok {
		return at, nil
	}
	u, err := url.Parse(b.server)
	if err != nil {
		return "", err
	}
	u.Path = "/bench_" + strings.ReplaceAll(name, "-", "_")
	b.made[name] = u.String()
	return u.String(), errors.Join(
		b.statement(ctx, "DROP DATABASE IF EXISTS "+nameOf(u.String())+" WITH (FORCE)"), b.statement(ctx, "CREATE DATABASE "+nameOf(u.String())))
}

func nameOf(at string) string {
	u, err := url.Parse(at)
	if err != nil {
		return ""
	}
	return `"` + strings.TrimPrefix(u.Path, "/") + `"`
}

func (b *bench) statement(ctx context.Context, text string) error {
	db, err := sql.Open("postgres", b.server)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, text)
	return errors.Join(err, db.Close())
}

// postgresCreates is P11 on Postgres: creates through the service, beside the
// same rows written by a prepared statement a row in a transaction a create.
func (b *bench) postgresCreates(ctx context.Context) error {
	const callers = 64
	people := invent(20_000)
	var sides [2]*creator
	for n, name := range []string{"creates", "rows"} {
		at, err := b.place(ctx, b.dir, name)
		if err != nil {
			return err
		}
		if sides[n], err = openCreates(ctx, at, sqlite.SyncFull); err != nil {
			return err
		}
		defer sides[n].close()
		if err := sides[n].create(ctx, people[0]); err != nil { // The workspace is there.
			return err
		}
	}
	writer, err := openRows(ctx, b.made["rows"], sides[1].actor.Workspace)
	if err != nil {
		return err
	}
	defer writer.db.Close()
	var rates [2][]float64
	var p99 []float64
	for range b.rounds {
		for side, create := range []func(context.Context, crm.NewContact) error{sides[0].create, writer.create} {
			l, err := run(ctx, callers, b.turn, func(ctx context.Context, n int) error { return create(ctx, people[n%len(people)]) })
			if err != nil {
				return err
			}
			if rates[side] = append(rates[side], l.rate); side == 0 {
				p99 = append(p99, float64(percentile(l.times, 0.99)))
			}
		}
	}
	ours, theirs := median(rates[0]), median(rates[1])
	b.table.add(row{
		"P11", "durable creates, 64 callers, p99 " + ms(time.Duration(median(p99))), "", perSecond(ours), "a statement a row " + perSecond(theirs),
		fmt.Sprintf("%.1fx", ours/theirs), ">= 3x", ours >= 3*theirs,
	})
	return nil
}

// rowWriter writes a contact as rows of the adapter's tables, one by one.
type rowWriter struct {
	db                          *sql.DB
	ws                          string
	contact, key, event, counts *sql.Stmt
}

func openRows(ctx context.Context, at string, ws crm.WorkspaceID) (*rowWriter, error) {
	db, err := sql.Open("postgres", at)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(15) // as many as the store has for writers
	db.SetMaxIdleConns(15)
	w := &rowWriter{db: db, ws: ws.String()}
	for _, s := range []struct {
		into **sql.Stmt
		text string
	}{
		{&w.contact, `INSERT INTO crm.contacts (workspace, id, version, peak_version, source, created_at, updated_at, deleted_at, trashed, stage, has_email, has_phone,
			name_key, doc, keys, search_text, last_interaction_at, score)
			VALUES ($1, $2, 1, 1, $3, $4, $4, -4611686018427387904, false, $5, $6, $7, $8, $9, $10, $11, -4611686018427387904, -1)`},
		{&w.key, "INSERT INTO crm.contact_keys (workspace, kind, value, contact) VALUES ($1, $2, $3, $4)"},
		{&w.event, `INSERT INTO crm.event_inbox (workspace, id, type, at, actor_kind, actor, subject_kind, subject, changed, version, batch, contacts, owner, feed)
			VALUES ($1, $2, 'contact.created', $3, 'user', $2, 'contact', $2, '', 1, '00000000-0000-0000-0000-000000000000', '{}', '00000000-0000-0000-0000-000000000000', 2)`},
		{&w.counts, "INSERT INTO crm.pending_counts (workspace, what, key, name, series, slot, n) VALUES ($1, $2, $3, $3, $4, 0, 1)"},
	} {
		if *s.into, err = db.PrepareContext(ctx, s.text); err != nil { //nolint:sqlclosecheck // They end with the pool.
			return nil, errors.Join(err, db.Close())
		}
	}
	return w, nil
}

func (w *rowWriter) create(ctx context.Context, in crm.NewContact) error {
	c := crm.Contact{ID: crm.NewID(), DisplayName: in.DisplayName, Emails: in.Emails, Phones: in.Phones, Tags: in.Tags, Fields: in.Fields, CreatedAt: time.Now()}
	write := crm.NewContactWrite(c, 0)
	tx, err := w.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	at := crm.Micros(c.CreatedAt)
	rows := []rowOf{{w.contact, []any{
		w.ws, c.ID.String(), in.Source, at, string(in.Stage), len(in.Emails) > 0, len(in.Phones) > 0,
		write.NameKey, write.SearchText, []byte(write.SearchText), write.SearchText,
	}}, {w.event, []any{w.ws, c.ID.String(), at}}}
	for _, k := range write.Keys {
		rows = append(rows, rowOf{w.key, []any{w.ws, int64(k.Kind), []byte(k.Value), c.ID.String()}})
	}
	for what := range 2 { // the figure and a series
		rows = append(rows, rowOf{w.counts, []any{w.ws, int64(what * 3), "", int64(1)}})
	}
	for _, tag := range in.Tags {
		rows = append(rows, rowOf{w.counts, []any{w.ws, int64(2), tag, int64(0)}})
	}
	for _, r := range rows {
		if _, err := tx.StmtContext(ctx, r.into).ExecContext(ctx, r.args...); err != nil { //nolint:sqlclosecheck // It ends with the transaction.
			return err
		}
	}
	return tx.Commit()
}

// rowOf is a row to be written.
type rowOf struct {
	into *sql.Stmt
	args []any
}
