package sqlite

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/adapters/internal/sqlkit"
	"github.com/omnicrm/omnicrm/crm"
)

// contactColumns are what a contact is read from.
const contactColumns = `c.id, c.version, c.peak_version, c.stage, c.source,
	c.created_at, c.updated_at, c.last_interaction_at, c.score, c.deleted_at, c.doc`

func scanContact(rows *sqlx.Rows) (c crm.Contact, err error) {
	var score int64
	var doc string
	err = rows.Scan(scanID(&c.ID), &c.Version, &c.PeakVersion, &c.Stage, &c.Source,
		scanTime(&c.CreatedAt), scanTime(&c.UpdatedAt), scanTime(&c.LastInteractionAt), &score, scanTime(&c.DeletedAt), &doc)
	if err != nil {
		return c, err
	}
	if score != crm.ScoreNumber(nil) {
		n := int(score)
		c.Score = &n
	}
	return c, sqlkit.DecodeContactDoc(doc, &c)
}

// GetContacts implements [crm.ContactStore].
func (r reads) GetContacts(ctx context.Context, ws crm.WorkspaceID, ids []crm.ID) ([]crm.Contact, error) {
	found := make(map[crm.ID]crm.Contact, len(ids))
	err := sqlkit.Lists(blobs(ids), func(padded []any) error {
		text := "SELECT " + contactColumns + " FROM contacts c INDEXED BY contacts_by_id WHERE c.ws = ? AND c.id IN " +
			sqlkit.Placeholders(len(padded))
		return each(ctx, r, func(rows *sqlx.Rows) error {
			c, err := scanContact(rows)
			found[c.ID] = c
			return err
		}, fixed(text), append([]any{numbered(ws)}, padded...)...)
	})
	if err != nil {
		return nil, fmt.Errorf("get contacts: %w", err)
	}
	ordered := make([]crm.Contact, 0, len(found))
	for _, id := range ids {
		if c, ok := found[id]; ok {
			ordered = append(ordered, c)
			delete(found, id)
		}
	}
	return ordered, nil
}

// FindContacts implements [crm.ContactStore].
func (r reads) FindContacts(ctx context.Context, ws crm.WorkspaceID, keys []crm.ContactKey) ([]crm.ContactKeyHit, error) {
	byKind := map[crm.KeyKind][]any{}
	for _, k := range keys {
		byKind[k.Kind] = append(byKind[k.Kind], k.Value)
	}
	var hits []crm.ContactKeyHit
	for kind, values := range byKind {
		err := sqlkit.Lists(values, func(padded []any) error {
			text := "SELECT value, contact FROM contact_keys WHERE ws = ? AND kind = ? AND value IN " + sqlkit.Placeholders(len(padded))
			return each(ctx, r, func(rows *sqlx.Rows) error {
				hit := crm.ContactKeyHit{Key: crm.ContactKey{Kind: kind}}
				err := rows.Scan(&hit.Key.Value, scanID(&hit.Contact))
				hits = append(hits, hit)
				return err
			}, fixed(text), append([]any{numbered(ws), int64(kind)}, padded...)...)
		})
		if err != nil {
			return nil, fmt.Errorf("find contacts: %w", err)
		}
	}
	return uniqueHits(hits), nil
}

// uniqueHits drops what came twice because a key was asked for in two runs.
func uniqueHits(hits []crm.ContactKeyHit) []crm.ContactKeyHit {
	seen := make(map[crm.ContactKeyHit]bool, len(hits))
	kept := hits[:0]
	for _, hit := range hits {
		if !seen[hit] {
			seen[hit] = true
			kept = append(kept, hit)
		}
	}
	return kept
}

// EraseContacts implements [crm.ContactStore].
func (t *tx) EraseContacts(ctx context.Context, ws crm.WorkspaceID, ids []crm.ID) (int, error) {
	n, err := t.eraseContacts(ctx, ws, ids)
	if err != nil {
		return 0, fmt.Errorf("erase contacts: %w", err)
	}
	t.erased = t.erased || n > 0
	return int(n), nil
}

func (t *tx) eraseContacts(ctx context.Context, ws crm.WorkspaceID, ids []crm.ID) (int64, error) {
	old, err := t.storedContacts(ctx, ws, ids)
	if err != nil {
		return 0, err
	}
	var figures figureDelta
	for _, row := range old {
		figures.remove(row.trashed)
		if err := t.deleteKeys(ctx, ws, row.id, row.keys); err != nil {
			return 0, err
		}
	}
	n, err := t.forEach(ctx, "DELETE FROM contacts INDEXED BY contacts_by_id WHERE ws = ? AND id IN %s", ws, blobs(ids))
	if err != nil {
		return 0, err
	}
	t.added.addFigures(ws, figures)
	return n, nil
}

// EraseContacts implements [crm.ContactStore]. Afterwards the text stands
// neither in the file nor, as soon as no reader needs it, in its log.
func (s *Store) EraseContacts(ctx context.Context, ws crm.WorkspaceID, ids []crm.ID) (int, error) {
	return inTxValue(ctx, s, func(t *tx) (int, error) { return t.EraseContacts(ctx, ws, ids) })
}

// PutContacts implements [crm.ContactStore].
func (s *Store) PutContacts(ctx context.Context, ws crm.WorkspaceID, writes []crm.ContactWrite) error {
	return s.inTx(ctx, func(t *tx) error { return t.PutContacts(ctx, ws, writes) })
}

// storedContact is what a change needs to know of the row it replaces.
type storedContact struct {
	rowid   int64
	id      crm.ID
	version int64
	trashed bool
	sorts   sortValues
	keys    []crm.ContactKey
}

// sortValues are the columns of content that the indexes of lists are over, but
// for updated_at, which nearly every change moves.
type sortValues struct {
	created int64
	name    string
}

func (t *tx) storedContacts(ctx context.Context, ws crm.WorkspaceID, ids []crm.ID) (map[crm.ID]storedContact, error) {
	found := make(map[crm.ID]storedContact, len(ids))
	err := sqlkit.Lists(blobs(ids), func(padded []any) error {
		text := `SELECT rowid, id, version, trashed, created_at, name_key, keys
			FROM contacts INDEXED BY contacts_by_id WHERE ws = ? AND id IN ` + sqlkit.Placeholders(len(padded))
		return each(ctx, t, func(rows *sqlx.Rows) error {
			var row storedContact
			var name, keys []byte
			err := rows.Scan(&row.rowid, scanID(&row.id), &row.version, &row.trashed,
				&row.sorts.created, &name, &keys)
			if err != nil {
				return err
			}
			row.sorts.name = string(name)
			row.keys, err = decodeKeys(keys)
			found[row.id] = row
			return err
		}, fixed(text), append([]any{numbered(ws)}, padded...)...)
	})
	return found, err
}

// encodeKeys is the form of a contact's keys in its row: for each the kind, the
// length of the value as a varint, and the value.
func encodeKeys(keys []crm.ContactKey) []byte {
	b := make([]byte, 0, 32*len(keys))
	for _, k := range keys {
		b = append(b, byte(k.Kind))
		b = binary.AppendUvarint(b, uint64(len(k.Value)))
		b = append(b, k.Value...)
	}
	return b
}

var errKeys = errors.New("the keys of a contact's row are damaged")

func decodeKeys(b []byte) ([]crm.ContactKey, error) {
	var keys []crm.ContactKey
	for len(b) > 0 {
		n, width := binary.Uvarint(b[1:])
		if width <= 0 || n > uint64(len(b)-1-width) { //nolint:gosec // Not negative: width bytes of b[1:] were read.
			return nil, errKeys
		}
		value := b[1+width:][:n]
		keys = append(keys, crm.ContactKey{Kind: crm.KeyKind(b[0]), Value: strings.Clone(string(value))})
		b = b[1+width+int(n):] //nolint:gosec // n is at most len(b).
	}
	return keys, nil
}
