package postgres

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/crm"
)

// FindFingerprints implements [crm.FingerprintStore].
func (r reads) FindFingerprints(ctx context.Context, ws crm.WorkspaceID, prints []crm.Fingerprint) ([]crm.FingerprintMark, error) {
	marks, err := list(ctx, r, func(rows *sqlx.Rows) (m crm.FingerprintMark, err error) {
		err = rows.Scan((*idColumn)(&m.Fingerprint), scanID(&m.Contact), scanID(&m.Batch))
		return m, err
	}, fixed("SELECT print, contact, batch FROM crm.fingerprints WHERE workspace = ? AND print = ANY(?)"), uuidOf(ws), uuidsOf(prints))
	if err != nil {
		return nil, fmt.Errorf("find fingerprints: %w", err)
	}
	return marks, nil
}

// markOf names a fingerprint.
type markOf struct {
	ws    crm.WorkspaceID
	print crm.Fingerprint
}

// FindFingerprints implements [crm.FingerprintStore] and notes what is not there.
func (t *tx) FindFingerprints(ctx context.Context, ws crm.WorkspaceID, prints []crm.Fingerprint) ([]crm.FingerprintMark, error) {
	marks, err := t.reads.FindFingerprints(ctx, ws, prints)
	if err != nil {
		return nil, err
	}
	if t.unmarked == nil {
		t.unmarked = make(map[markOf]bool, len(prints))
	}
	for _, p := range prints {
		t.unmarked[markOf{ws, p}] = true
	}
	for _, m := range marks {
		delete(t.unmarked, markOf{ws, m.Fingerprint})
	}
	return marks, nil
}

// PutFingerprints implements [crm.FingerprintStore]. They are written in their
// order, so that two that write the same wait for each other at the first. One
// that the transaction has looked for in vain and that somebody else has written
// since is a lost race: what was decided without it is decided again.
func (t *tx) PutFingerprints(ctx context.Context, ws crm.WorkspaceID, marks []crm.FingerprintMark) error {
	marks = slices.SortedStableFunc(slices.Values(marks), func(a, b crm.FingerprintMark) int { return bytes.Compare(a.Fingerprint[:], b.Fingerprint[:]) })
	marks = slices.CompactFunc(marks, func(a, b crm.FingerprintMark) bool { return a.Fingerprint == b.Fingerprint }) // The first stays.
	var fresh, rest []crm.FingerprintMark
	for _, m := range marks {
		at := markOf{ws, m.Fingerprint}
		if t.unmarked[at] {
			delete(t.unmarked, at)
			fresh = append(fresh, m)
		} else {
			rest = append(rest, m)
		}
	}
	into := bulk{table: "fingerprints", columns: []string{"workspace", "print", "contact", "batch"}}
	err := t.insert(ctx, into, len(fresh), func(args []any, i int) ([]any, error) {
		return append(args, uuidOf(ws), uuidOf(fresh[i].Fingerprint), uuidOf(fresh[i].Contact), uuidOf(fresh[i].Batch)), nil
	})
	if err == nil && len(rest) > 0 {
		prints, contacts, batches := make([]crm.Fingerprint, len(rest)), make([]crm.ID, len(rest)), make([]crm.ID, len(rest))
		for i, m := range rest {
			prints[i], contacts[i], batches[i] = m.Fingerprint, m.Contact, m.Batch
		}
		_, err = t.exec(ctx, fixed(putFingerprints), uuidOf(ws), uuidsOf(prints), uuidsOf(contacts), uuidsOf(batches))
	}
	if err != nil {
		return fmt.Errorf("put fingerprints: %w", err)
	}
	return nil
}

const putFingerprints = `INSERT INTO crm.fingerprints (workspace, print, contact, batch)
	SELECT $1, v.* FROM unnest(CAST($2 AS uuid[]), CAST($3 AS uuid[]), CAST($4 AS uuid[])) AS v ON CONFLICT DO NOTHING`

// DeleteFingerprints implements [crm.FingerprintStore].
func (t *tx) DeleteFingerprints(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID, batch crm.ID) error {
	text, args := "DELETE FROM crm.fingerprints WHERE workspace = ? AND contact = ANY(?)", []any{uuidOf(ws), uuidsOf(contacts)}
	if !batch.IsZero() {
		text += " AND batch = ?"
		args = append(args, uuidOf(batch))
	}
	if _, err := t.exec(ctx, fixed(text), args...); err != nil {
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
