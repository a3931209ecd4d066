package postgres

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/lib/pq"

	"github.com/omnicrm/omnicrm/adapters/internal/sqlkit"
	"github.com/omnicrm/omnicrm/crm"
)

// PutContacts implements [crm.ContactStore]. Everything that can be refused is
// looked at before anything is written; rows that are replaced are locked, and a
// new one that somebody else writes meanwhile is found by the unique keys.
func (t *tx) PutContacts(ctx context.Context, ws crm.WorkspaceID, writes []crm.ContactWrite) error {
	p := contactPut{tx: t, ws: ws}
	if err := p.run(ctx, writes); err != nil {
		return fmt.Errorf("put contacts: %w", err)
	}
	return nil
}

// contactPut is one PutContacts at work.
type contactPut struct {
	tx      *tx
	ws      crm.WorkspaceID
	fresh   []preparedWrite
	changed []preparedWrite
	stored  map[crm.ID]storedContact
	figures figureDelta
	keys    []keyRow // to be added, after all that go
}

// preparedWrite is a write with the arguments of its content.
type preparedWrite struct {
	crm.ContactWrite
	content []any
}

type keyRow struct {
	key     crm.ContactKey
	contact crm.ID
}

func (p *contactPut) run(ctx context.Context, writes []crm.ContactWrite) error {
	if err := p.prepare(writes); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{p.checkVersions, p.checkNew, p.checkSources, p.change, p.add, p.insertKeys} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	p.tx.added.addFigures(p.ws, p.figures)
	return nil
}

func (p *contactPut) prepare(writes []crm.ContactWrite) error {
	p.fresh = make([]preparedWrite, 0, len(writes)) // Nearly always all are, and each is large.
	for _, w := range writes {
		content, err := contentArgs(w)
		if err != nil {
			return err
		}
		if w.Expect == 0 {
			p.fresh = append(p.fresh, preparedWrite{w, content})
		} else {
			p.changed = append(p.changed, preparedWrite{w, content})
		}
	}
	return nil
}

// checkVersions reads what is to be replaced.
func (p *contactPut) checkVersions(ctx context.Context) error {
	ids := make([]crm.ID, len(p.changed))
	for i, w := range p.changed {
		ids[i] = w.Contact.ID
	}
	var err error
	if p.stored, err = p.tx.storedContacts(ctx, p.ws, ids); err != nil {
		return err
	}
	for _, w := range p.changed {
		if old, ok := p.stored[w.Contact.ID]; !ok || old.version != w.Expect {
			return staleConflict(w.Contact.ID, old.version)
		}
	}
	return nil
}

// checkNew refuses new contacts whose id is there. The insert of a single one
// is its own check, see add: when that fails, the transaction runs again and
// hears of it here.
func (p *contactPut) checkNew(ctx context.Context) error {
	if p.single() || len(p.fresh) == 0 {
		return nil
	}
	ids := make([]crm.ID, len(p.fresh))
	for i, w := range p.fresh {
		ids[i] = w.Contact.ID
	}
	id, ok, err := one(ctx, p.tx, scanOneID, fixed("SELECT id FROM crm.contacts WHERE workspace = ? AND id = ANY(?) LIMIT 1"), uuidOf(p.ws), uuidsOf(ids))
	if ok {
		err = idConflict(id)
	}
	return err
}

// checkSources refuses a source key that another contact holds and keeps, or
// that stands twice in the call.
func (p *contactPut) checkSources(ctx context.Context) error {
	holders := map[crm.ContactKey]crm.ID{}
	var wanted []crm.ContactKey
	for _, w := range slices.Concat(p.fresh, p.changed) {
		for _, k := range w.Keys {
			if k.Kind != crm.KeySource {
				continue
			}
			if earlier, ok := holders[k]; ok {
				return sourceConflict(earlier)
			}
			holders[k] = w.Contact.ID
			if !slices.Contains(p.stored[w.Contact.ID].keys, k) {
				wanted = append(wanted, k)
			}
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	hits, err := p.tx.FindContacts(ctx, p.ws, wanted)
	if err != nil {
		return err
	}
	for _, hit := range hits {
		if _, changes := p.stored[hit.Contact]; !changes { // One that changes gives the key up: it would be its holder else.
			return sourceConflict(hit.Contact)
		}
	}
	return nil
}

func idConflict(id crm.ID) error { return existsConflict(id, "a contact with this id exists already") }

func sourceConflict(holder crm.ID) error {
	return existsConflict(holder, "another contact has this source and source id")
}

// single tells a call that writes one new contact and nothing else: its insert
// comes first and can be refused without anything being left.
func (p *contactPut) single() bool { return len(p.fresh) == 1 && len(p.changed) == 0 }

// add inserts new rows.
func (p *contactPut) add(ctx context.Context) error {
	p.keys = slices.Grow(p.keys, 4*len(p.fresh))
	for _, w := range p.fresh {
		p.figures.add(w.Contact.InTrash())
		for _, k := range w.Keys {
			p.keys = append(p.keys, keyRow{k, w.Contact.ID})
		}
	}
	into := bulk{table: "contacts", columns: append([]string{"workspace", "id"}, contentColumns...)}
	row := func(args []any, i int) ([]any, error) {
		w := p.fresh[i]
		return append(append(args, uuidOf(p.ws), uuidOf(w.Contact.ID)), w.content...), nil
	}
	if into.waits = p.single(); !into.waits || !p.tx.eager {
		return p.tx.insert(ctx, into, len(p.fresh), row)
	}
	into.tail = " ON CONFLICT (workspace, id) DO NOTHING"
	args, _ := row(nil, 0)
	n, err := p.tx.change(ctx, fixed(into.text(1)), args...)
	if err == nil && n == 0 {
		err = idConflict(p.fresh[0].Contact.ID)
	}
	return err
}

// contentColumns are those of contentArgs. A change leaves the last ones alone.
var contentColumns = []string{
	"version", "peak_version", "source", "created_at", "updated_at", "deleted_at", "trashed", "stage", "has_email", "has_phone",
	"name_key", "doc", "keys", "search_text", "last_interaction_at", "score",
}

// contentTypes are the types of the columns that a change writes.
var contentTypes = []string{
	"bigint", "bigint", "text", "bigint", "bigint", "bigint", "boolean", "text", "boolean", "boolean", "bytea", "text", "bytea", "text",
}

// contentArgs are the columns of a contact's content.
func contentArgs(w crm.ContactWrite) ([]any, error) {
	c := w.Contact
	doc, err := sqlkit.AppendContactDoc(make([]byte, 0, 256), c)
	if err != nil {
		return nil, err
	}
	return []any{
		c.Version, c.PeakVersion, exactText(c.Source), crm.Micros(c.CreatedAt), crm.Micros(c.UpdatedAt), crm.Micros(c.DeletedAt), c.InTrash(),
		string(c.Stage), len(c.Emails) > 0, len(c.Phones) > 0, notNil(w.NameKey), string(doc), encodeKeys(w.Keys), cleanText(w.SearchText),
		crm.Micros(c.LastInteractionAt), crm.ScoreNumber(c.Score),
	}, nil
}

// notNil keeps an empty value from being stored as NULL.
func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// change replaces rows.
func (p *contactPut) change(ctx context.Context) error {
	var gone []keyRow
	for _, w := range p.changed {
		old := p.stored[w.Contact.ID]
		p.figures.remove(old.trashed)
		p.figures.add(w.Contact.InTrash())
		gone = append(gone, p.changeKeys(old, w.ContactWrite)...)
	}
	if err := p.tx.deleteKeys(ctx, p.ws, gone); err != nil {
		return err
	}
	return sqlkit.Batches(len(p.changed), func(from, to int) error {
		args := make([]any, 0, 1+(to-from)*(1+len(contentTypes)))
		for _, w := range p.changed[from:to] {
			args = append(append(args, uuidOf(w.Contact.ID)), w.content[:len(contentTypes)]...)
		}
		_, err := p.tx.exec(ctx, fixed(changeText(to-from)), append(args, uuidOf(p.ws))...)
		return err
	})
}

// changeText replaces so many rows. Score and last interaction stay.
func changeText(rows int) string {
	var set, first strings.Builder
	first.WriteString("(CAST(? AS uuid)")
	for i, kind := range contentTypes {
		if i > 0 {
			set.WriteString(", ")
		}
		name := contentColumns[i]
		set.WriteString(name + " = v." + name)
		first.WriteString(", CAST(? AS " + kind + ")")
	}
	first.WriteString(")")
	values := first.String()
	if rows > 1 {
		values += ", " + sqlkit.Values(1+len(contentTypes), rows-1)
	}
	return "UPDATE crm.contacts c SET " + set.String() + " FROM (VALUES " + values + ") AS v (id, " +
		strings.Join(contentColumns[:len(contentTypes)], ", ") + ") WHERE c.workspace = ? AND c.id = v.id"
}

// changeKeys returns the keys that go and notes those that come.
func (p *contactPut) changeKeys(old storedContact, w crm.ContactWrite) (gone []keyRow) {
	for _, k := range old.keys {
		if !slices.Contains(w.Keys, k) {
			gone = append(gone, keyRow{k, old.id})
		}
	}
	for _, k := range w.Keys {
		if !slices.Contains(old.keys, k) {
			p.keys = append(p.keys, keyRow{k, old.id})
		}
	}
	return gone
}

var contactKeys = bulk{
	table: "contact_keys", columns: []string{"workspace", "kind", "value", "contact"}, types: []string{"uuid", "smallint", "bytea", "uuid"}, waits: true,
}

func (p *contactPut) insertKeys(ctx context.Context) error {
	// In the table's order neighbours share pages.
	slices.SortFunc(p.keys, func(a, b keyRow) int {
		return cmp.Or(cmp.Compare(a.key.Kind, b.key.Kind), strings.Compare(a.key.Value, b.key.Value), bytes.Compare(a.contact[:], b.contact[:]))
	})
	return p.tx.insert(ctx, contactKeys, len(p.keys),
		func(args []any, i int) ([]any, error) {
			k := p.keys[i]
			return append(args, uuidOf(p.ws), int64(k.key.Kind), keyValue(k.key.Value), uuidOf(k.contact)), nil
		})
}

const deleteKeysText = `DELETE FROM crm.contact_keys k USING unnest(CAST(? AS smallint[]), CAST(? AS bytea[]), CAST(? AS uuid[])) AS gone (kind, value, contact)
	WHERE k.workspace = ? AND k.kind = gone.kind AND k.value = gone.value AND k.contact = gone.contact`

func (t *tx) deleteKeys(ctx context.Context, ws crm.WorkspaceID, gone []keyRow) error {
	if len(gone) == 0 {
		return nil
	}
	kinds, values, contacts := make(pq.Int64Array, len(gone)), make([]string, len(gone)), make([]crm.ID, len(gone))
	for i, k := range gone {
		kinds[i], values[i], contacts[i] = int64(k.key.Kind), k.key.Value, k.contact
	}
	_, err := t.exec(ctx, fixed(deleteKeysText), kinds, keyValues(values), uuidsOf(contacts), uuidOf(ws))
	return err
}
