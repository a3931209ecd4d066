package postgres

import (
	"context"

	"github.com/omnicrm/omnicrm/crm"
)

// Conflict has the server report a serialisation failure in a transaction.
func (s *Store) Conflict(ctx context.Context, in crm.Tx) error {
	t := in.(*tx) //nolint:forcetypeassert // The tests' own.
	_, err := t.exec(ctx, statement{text: "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END $$", passes: true})
	return err
}
