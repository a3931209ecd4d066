package postgres

import (
	"context"
	"database/sql/driver"

	"github.com/omnicrm/omnicrm/crm"
)

// Conflict has the server report a serialisation failure in a transaction.
func (s *Store) Conflict(ctx context.Context, in crm.Tx) error {
	t := in.(*tx) //nolint:forcetypeassert // The tests' own.
	_, err := t.exec(ctx, statement{text: "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$", passes: true})
	return err
}

// Traced is a statement as the server gets it.
type Traced struct {
	Text string
	Args []any
	Kept bool // prepared
}

// Trace has every statement told to f.
func (o *Options) Trace(f func(Traced)) {
	o.trace = func(t traced) { f(Traced{t.text, t.args, t.kept}) }
}

// Planner is what the planner of each connection is told.
func Planner() map[string]string { return planner }

// SentOnce is the argument of a statement that commits.
func SentOnce(v any) driver.Valuer { return &sentOnce{value: v} }
