package postgres

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
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
	err = rows.Scan(scanID(&c.ID), &c.Version, &c.PeakVersion, &c.Stage, scanExact(&c.Source),
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
	return r.getContacts(ctx, ws, ids, "")
}

// GetContacts implements [crm.ContactStore]. The contacts stay as they are until
// the end of the transaction. They are locked in the order of ids, so that two
// that want the same wait for each other at the first.
func (t *tx) GetContacts(ctx context.Context, ws crm.WorkspaceID, ids []crm.ID) ([]crm.Contact, error) {
	return t.getContacts(ctx, ws, ids, " ORDER BY c.id FOR NO KEY UPDATE")
}

func (r reads) getContacts(ctx context.Context, ws crm.WorkspaceID, ids []crm.ID, lock string) ([]crm.Contact, error) {
	found := make(map[crm.ID]crm.Contact, len(ids))
	err := each(ctx, r, func(rows *sqlx.Rows) error {
		c, err := scanContact(rows)
		found[c.ID] = c
		return err
	}, fixed("SELECT "+contactColumns+" FROM crm.contacts c WHERE c.workspace = ? AND c.id = ANY(?)"+lock), uuidOf(ws), uuidsOf(ids))
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
	// What is asked for by what the table has of it.
	byKind := map[crm.KeyKind]map[string]string{}
	for _, k := range keys {
		if byKind[k.Kind] == nil {
			byKind[k.Kind] = map[string]string{}
		}
		byKind[k.Kind][string(keyValue(k.Value))] = k.Value
	}
	var hits []crm.ContactKeyHit
	for kind, asked := range byKind {
		err := each(ctx, r, func(rows *sqlx.Rows) error {
			hit := crm.ContactKeyHit{Key: crm.ContactKey{Kind: kind}}
			var value []byte
			err := rows.Scan(&value, scanID(&hit.Contact))
			hit.Key.Value = asked[string(value)]
			hits = append(hits, hit)
			return err
		}, fixed("SELECT value, contact FROM crm.contact_keys WHERE workspace = ? AND kind = ? AND value = ANY(?)"),
			uuidOf(ws), int64(kind), keyValues(slices.Collect(maps.Values(asked))))
		if err != nil {
			return nil, fmt.Errorf("find contacts: %w", err)
		}
	}
	return hits, nil
}

// EraseContacts implements [crm.ContactStore].
func (t *tx) EraseContacts(ctx context.Context, ws crm.WorkspaceID, ids []crm.ID) (int, error) {
	n, err := t.eraseContacts(ctx, ws, ids)
	if err != nil {
		return 0, fmt.Errorf("erase contacts: %w", err)
	}
	return int(n), nil
}

func (t *tx) eraseContacts(ctx context.Context, ws crm.WorkspaceID, ids []crm.ID) (int64, error) {
	old, err := t.storedContacts(ctx, ws, ids)
	if err != nil {
		return 0, err
	}
	var figures figureDelta
	var keys []keyRow
	for _, row := range old {
		figures.remove(row.trashed)
		for _, k := range row.keys {
			keys = append(keys, keyRow{k, row.id})
		}
	}
	if err := t.deleteKeys(ctx, ws, keys); err != nil {
		return 0, err
	}
	n, err := t.change(ctx, fixed("DELETE FROM crm.contacts WHERE workspace = ? AND id = ANY(?)"), uuidOf(ws), uuidsOf(ids))
	if err != nil {
		return 0, err
	}
	t.added.addFigures(ws, figures)
	return n, nil
}

// EraseContacts implements [crm.ContactStore].
func (s *Store) EraseContacts(ctx context.Context, ws crm.WorkspaceID, ids []crm.ID) (int, error) {
	return inTxValue(ctx, s, func(t *tx) (int, error) { return t.EraseContacts(ctx, ws, ids) })
}

// PutContacts implements [crm.ContactStore].
func (s *Store) PutContacts(ctx context.Context, ws crm.WorkspaceID, writes []crm.ContactWrite) error {
	return s.inTx(ctx, func(t *tx) error { return t.PutContacts(ctx, ws, writes) })
}

// storedContact is what a change needs to know of the row it replaces.
type storedContact struct {
	id      crm.ID
	version int64
	trashed bool
	keys    []crm.ContactKey
}

// storedContacts reads rows, which stay as they are until the end.
func (t *tx) storedContacts(ctx context.Context, ws crm.WorkspaceID, ids []crm.ID) (map[crm.ID]storedContact, error) {
	found := make(map[crm.ID]storedContact, len(ids))
	if len(ids) == 0 {
		return found, nil
	}
	err := each(ctx, t, func(rows *sqlx.Rows) error {
		var row storedContact
		var keys []byte
		if err := rows.Scan(scanID(&row.id), &row.version, &row.trashed, &keys); err != nil {
			return err
		}
		var err error
		row.keys, err = decodeKeys(keys)
		found[row.id] = row
		return err
	}, fixed("SELECT id, version, trashed, keys FROM crm.contacts WHERE workspace = ? AND id = ANY(?) ORDER BY id FOR UPDATE"), uuidOf(ws), uuidsOf(ids))
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
