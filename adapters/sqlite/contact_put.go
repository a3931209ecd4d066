package sqlite

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/omnicrm/omnicrm/adapters/internal/sqlkit"
	"github.com/omnicrm/omnicrm/crm"
)

// PutContacts implements [crm.ContactStore]. Everything that can be refused is
// looked at before anything is written; nobody else can write meanwhile.
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
// is its own check, see add.
func (p *contactPut) checkNew(ctx context.Context) error {
	if p.single() {
		return nil
	}
	ids := make([]crm.ID, len(p.fresh))
	for i, w := range p.fresh {
		ids[i] = w.Contact.ID
	}
	return sqlkit.Lists(blobs(ids), func(padded []any) error {
		text := "SELECT id FROM contacts INDEXED BY contacts_by_id WHERE ws = ? AND id IN " + sqlkit.Placeholders(len(padded)) + " LIMIT 1"
		id, ok, err := one(ctx, p.tx, scanOneID, fixed(text), append([]any{numbered(p.ws)}, padded...)...)
		if ok {
			err = idConflict(id)
		}
		return err
	})
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
	into := bulk{into: `contacts (ws, trashed, version, peak_version, source, created_at, updated_at, last_interaction_at, score, deleted_at,
		stage, has_email, has_phone, name_key, doc, keys, search_text, id)`, columns: 18, alike: 10, checks: p.single()}
	err := p.tx.insert(ctx, into, len(p.fresh), func(args []any, i int) ([]any, error) {
		w := p.fresh[i]
		return append(append(append(args, numbered(p.ws), flag(w.Contact.InTrash())), w.content...), blob(w.Contact.ID)), nil
	})
	if into.checks && isUnique(err) {
		return idConflict(p.fresh[0].Contact.ID)
	}
	return err
}

// contentArgs are the columns of a contact's content, those first that many
// contacts of one write have alike.
func contentArgs(w crm.ContactWrite) ([]any, error) {
	c := w.Contact
	doc, err := sqlkit.AppendContactDoc(make([]byte, 0, 256), c)
	if err != nil {
		return nil, err
	}
	return []any{
		c.Version, c.PeakVersion, c.Source, crm.Micros(c.CreatedAt), crm.Micros(c.UpdatedAt), crm.Micros(c.LastInteractionAt),
		crm.ScoreNumber(c.Score), crm.Micros(c.DeletedAt), string(c.Stage), flag(len(c.Emails) > 0), flag(len(c.Phones) > 0),
		notNil(w.NameKey), string(doc), encodeKeys(w.Keys), w.SearchText,
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
	for _, w := range p.changed {
		old := p.stored[w.Contact.ID]
		p.figures.remove(old.trashed)
		p.figures.add(w.Contact.InTrash())
		if err := p.changeKeys(ctx, old, w.ContactWrite); err != nil {
			return err
		}
		if err := p.replace(ctx, old, w); err != nil {
			return err
		}
	}
	return nil
}

// changeKeys removes the keys that go now and notes those that come.
func (p *contactPut) changeKeys(ctx context.Context, old storedContact, w crm.ContactWrite) error {
	gone := slices.DeleteFunc(slices.Clone(old.keys), func(k crm.ContactKey) bool { return slices.Contains(w.Keys, k) })
	for _, k := range w.Keys {
		if !slices.Contains(old.keys, k) {
			p.keys = append(p.keys, keyRow{k, old.id})
		}
	}
	return p.tx.deleteKeys(ctx, p.ws, old.id, gone)
}

const (
	// changeContent leaves the indexes alone that the row keeps its place in.
	changeContent = `UPDATE contacts SET version = ?, peak_version = ?, source = ?, updated_at = ?,
		stage = ?, has_email = ?, has_phone = ?, doc = ?, keys = ?, search_text = ? WHERE rowid = ?`
	changeAll = `UPDATE contacts SET trashed = ?, version = ?, peak_version = ?, source = ?, created_at = ?, updated_at = ?,
		deleted_at = ?, stage = ?, has_email = ?, has_phone = ?, name_key = ?,
		doc = ?, keys = ?, search_text = ? WHERE rowid = ?`
)

func (p *contactPut) replace(ctx context.Context, old storedContact, w preparedWrite) error {
	c, args := w.Contact, w.content
	sorts := sortValues{created: crm.Micros(c.CreatedAt), name: string(w.NameKey)}
	if old.trashed || c.InTrash() || sorts != old.sorts {
		_, err := p.tx.exec(ctx, fixed(changeAll), slices.Concat([]any{flag(c.InTrash())}, args[:5], args[7:], []any{old.rowid})...)
		return err
	}
	_, err := p.tx.exec(ctx, fixed(changeContent), slices.Concat(args[:3], args[4:5], args[8:11], args[12:], []any{old.rowid})...)
	return err
}

func (p *contactPut) insertKeys(ctx context.Context) error {
	// In the table's order neighbours share pages.
	slices.SortFunc(p.keys, func(a, b keyRow) int {
		return cmp.Or(cmp.Compare(a.key.Kind, b.key.Kind), strings.Compare(a.key.Value, b.key.Value), bytes.Compare(a.contact[:], b.contact[:]))
	})
	return p.tx.insert(ctx, bulk{into: "contact_keys (ws, kind, value, contact)", columns: 4, alike: 1}, len(p.keys),
		func(args []any, i int) ([]any, error) {
			k := p.keys[i]
			return append(args, numbered(p.ws), int64(k.key.Kind), k.key.Value, blob(k.contact)), nil
		})
}

func (t *tx) deleteKeys(ctx context.Context, ws crm.WorkspaceID, contact crm.ID, keys []crm.ContactKey) error {
	for _, k := range keys {
		_, err := t.exec(ctx, fixed("DELETE FROM contact_keys WHERE ws = ? AND kind = ? AND value = ? AND contact = ?"),
			numbered(ws), int64(k.Kind), k.Value, blob(contact))
		if err != nil {
			return err
		}
	}
	return nil
}
