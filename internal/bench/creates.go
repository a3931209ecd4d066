package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/adapters/sqlite"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/internal/fakedata"
)

// creates is P11: durable creates by 64 callers against the same rows with a
// commit each.
func (b *bench) creates(ctx context.Context) error {
	const callers = 64
	for _, mode := range []struct {
		name string
		sync sqlite.SyncMode
	}{{"FULL", sqlite.SyncFull}, {"NORMAL", sqlite.SyncNormal}} {
		store, err := sqlite.OpenWith(ctx, filepath.Join(b.dir, "creates-"+mode.name+".db"), sqlite.Options{Sync: mode.sync})
		if err != nil {
			return err
		}
		app, err := crm.New(crm.Config{Store: store})
		if err != nil {
			return err
		}
		actor := crm.Actor{Workspace: crm.WorkspaceID(crm.NamedID("creates")), Role: crm.RoleOwner}
		people := invent(20_000)
		single, err := newSingle(ctx, filepath.Join(b.dir, "single-"+mode.name+".db"), mode.name)
		if err != nil {
			return err
		}
		var rates [2][]float64
		var p99 []float64
		for range b.rounds {
			l, err := run(ctx, callers, turn, func(ctx context.Context, n int) error {
				_, err := app.Contacts.Create(ctx, actor, people[n%len(people)])
				return err
			})
			if err != nil {
				return err
			}
			rates[0], p99 = append(rates[0], l.rate), append(p99, float64(percentile(l.times, 0.99)))
			l, err = run(ctx, callers, turn, func(ctx context.Context, n int) error { return single.create(ctx, n) })
			if err != nil {
				return err
			}
			rates[1] = append(rates[1], l.rate)
		}
		ours, theirs := median(rates[0]), median(rates[1])
		b.table.add(row{
			"P11", fmt.Sprintf("durable creates, 64 callers, synchronous=%s, p99 %s", mode.name, ms(time.Duration(median(p99)))), "",
			perSecond(ours), "a commit each " + perSecond(theirs), fmt.Sprintf("%.1fx", ours/theirs), map[string]string{"FULL": ">= 5x"}[mode.name],
			mode.name != "FULL" || ours >= 5*theirs,
		})
		single.db.Close()
		if err := app.Close(); err != nil {
			return err
		}
		if err := store.Close(); err != nil {
			return err
		}
	}
	return nil
}

func invent(n int) []crm.NewContact {
	g := fakedata.New(seed + 1)
	out := make([]crm.NewContact, n)
	for i := range out {
		out[i] = contactOf(g.Person())
	}
	return out
}

// single writes the rows of a create, contact, email, phone, two tags, event
// and figure, with one transaction and one flush each.
type single struct {
	db *sqlx.DB
}

func newSingle(ctx context.Context, path, mode string) (*single, error) {
	db, err := sqlx.Open("sqlite", "file:"+path+"?_txlock=immediate&_pragma=journal_mode(WAL)&_pragma=synchronous("+mode+")")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	_, err = db.ExecContext(ctx, `
		CREATE TABLE contact (id INTEGER PRIMARY KEY, ws BLOB, name TEXT, doc TEXT, created INTEGER, updated INTEGER);
		CREATE INDEX by_created ON contact (ws, created, id); CREATE INDEX by_updated ON contact (ws, updated, id); CREATE INDEX by_name ON contact (ws, name, id);
		CREATE TABLE keys (ws BLOB, kind INTEGER, value TEXT, contact INTEGER, PRIMARY KEY (ws, kind, value, contact)) WITHOUT ROWID;
		CREATE TABLE event (id INTEGER PRIMARY KEY, ws BLOB, type TEXT, contact INTEGER);
		CREATE TABLE figure (ws BLOB PRIMARY KEY, n INTEGER) WITHOUT ROWID`)
	return &single{db: db}, err
}

func (s *single) create(ctx context.Context, n int) error {
	tx, err := s.db.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	ws := []byte("0123456789abcdef")
	now := time.Now().UnixMicro()
	done, err := tx.ExecContext(ctx, "INSERT INTO contact (ws, name, doc, created, updated) VALUES (?, ?, ?, ?, ?)", ws, fmt.Sprint("name ", n), `{"a":1}`, now, now)
	if err != nil {
		return err
	}
	id, err := done.LastInsertId()
	if err != nil {
		return err
	}
	for kind := range 4 {
		if _, err := tx.ExecContext(ctx, "INSERT INTO keys VALUES (?, ?, ?, ?)", ws, kind, fmt.Sprint(kind, n), id); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO event (ws, type, contact) VALUES (?, 'created', ?)", ws, id); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO figure VALUES (?, 1) ON CONFLICT DO UPDATE SET n = n + 1", ws); err != nil {
		return err
	}
	return tx.Commit()
}
