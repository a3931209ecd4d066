package sqlite

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/adapters/internal/sqlkit"
	"github.com/omnicrm/omnicrm/crm"
)

// FindFingerprints implements [crm.FingerprintStore].
func (r reads) FindFingerprints(ctx context.Context, ws crm.WorkspaceID, prints []crm.Fingerprint) ([]crm.FingerprintMark, error) {
	var marks []crm.FingerprintMark
	seen := make(map[crm.Fingerprint]bool, len(prints))
	err := sqlkit.Lists(blobs(prints), func(padded []any) error {
		text := "SELECT print, contact, batch FROM fingerprints WHERE ws = ? AND print IN " + sqlkit.Placeholders(len(padded))
		return each(ctx, r, func(rows *sqlx.Rows) error {
			var m crm.FingerprintMark
			err := rows.Scan((*idColumn)(&m.Fingerprint), scanID(&m.Contact), scanID(&m.Batch))
			if !seen[m.Fingerprint] {
				seen[m.Fingerprint] = true
				marks = append(marks, m)
			}
			return err
		}, fixed(text), append([]any{numbered(ws)}, padded...)...)
	})
	if err != nil {
		return nil, fmt.Errorf("find fingerprints: %w", err)
	}
	return marks, nil
}

// PutFingerprints implements [crm.FingerprintStore].
func (t *tx) PutFingerprints(ctx context.Context, ws crm.WorkspaceID, marks []crm.FingerprintMark) error {
	err := t.insert(ctx, bulk{into: "fingerprints (ws, batch, print, contact)", columns: 4, alike: 2, tail: " ON CONFLICT DO NOTHING"}, len(marks),
		func(args []any, i int) ([]any, error) {
			return append(args, numbered(ws), optionalBlob(marks[i].Batch), blob(marks[i].Fingerprint), blob(marks[i].Contact)), nil
		})
	if err != nil {
		return fmt.Errorf("put fingerprints: %w", err)
	}
	return nil
}

// DeleteFingerprints implements [crm.FingerprintStore].
func (t *tx) DeleteFingerprints(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID, batch crm.ID) error {
	text := "DELETE FROM fingerprints INDEXED BY fingerprints_by_contact WHERE ws = ? AND contact IN %s"
	var last []any
	if !batch.IsZero() {
		text += " AND batch = ?"
		last = append(last, blob(batch))
	}
	if _, err := t.forEach(ctx, text, ws, blobs(contacts), last...); err != nil {
		return fmt.Errorf("delete fingerprints: %w", err)
	}
	return nil
}

// PutFingerprints implements [crm.FingerprintStore].
func (s *Store) PutFingerprints(ctx context.Context, ws crm.WorkspaceID, marks []crm.FingerprintMark) error {
	return s.inTx(ctx, func(t *tx) error { return t.PutFingerprints(ctx, ws, marks) })
}

// DeleteFingerprints implements [crm.FingerprintStore].
func (s *Store) DeleteFingerprints(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID, batch crm.ID) error {
	return s.inTx(ctx, func(t *tx) error { return t.DeleteFingerprints(ctx, ws, contacts, batch) })
}
