package crmtest_test

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

func micros(t time.Time) time.Time { return crm.FromMicros(crm.Micros(t)) }

// copied returns a contact that shares nothing with c, its times as stored.
func copied(c crm.Contact) crm.Contact {
	c.Emails, c.Phones, c.Addresses = slices.Clone(c.Emails), slices.Clone(c.Phones), slices.Clone(c.Addresses)
	c.Websites, c.Tags, c.Fields = slices.Clone(c.Websites), slices.Clone(c.Tags), maps.Clone(c.Fields)
	if c.Score != nil {
		score := *c.Score
		c.Score = &score
	}
	c.CreatedAt, c.UpdatedAt = micros(c.CreatedAt), micros(c.UpdatedAt)
	c.LastInteractionAt, c.DeletedAt = micros(c.LastInteractionAt), micros(c.DeletedAt)
	return c
}

func (t memTx) GetContacts(_ context.Context, ws crm.WorkspaceID, ids []crm.ID) ([]crm.Contact, error) {
	s, err := t.read()
	if err != nil {
		return nil, err
	}
	var contacts []crm.Contact
	for i, id := range ids {
		w, ok := s.contacts[of[crm.ID]{ws, id}]
		if ok && slices.Index(ids, id) == i {
			contacts = append(contacts, copied(w.Contact))
		}
	}
	return contacts, nil
}

// meets evaluates criteria. It shares nothing with the suite's own evaluation.
func meets(w crm.ContactWrite, c crm.ContactCriteria) bool {
	held := func(kind crm.KeyKind, value string) bool {
		return slices.Contains(w.Keys, crm.ContactKey{Kind: kind, Value: value})
	}
	if w.Contact.DeletedAt.IsZero() == c.Trash {
		return false
	}
	if len(c.Stages) > 0 && !slices.Contains(c.Stages, w.Contact.Stage) || len(c.Sources) > 0 && !slices.Contains(c.Sources, w.Contact.Source) {
		return false
	}
	if c.HasEmail != nil && *c.HasEmail != (len(w.Contact.Emails) > 0) || c.HasPhone != nil && *c.HasPhone != (len(w.Contact.Phones) > 0) {
		return false
	}
	found := 0
	for _, tag := range c.Tags {
		if held(crm.KeyTag, tag) {
			found++
		}
	}
	if len(c.Tags) > 0 && (found == 0 || c.AllTags && found < len(c.Tags)) {
		return false
	}
	for key, value := range c.Fields {
		if !held(crm.KeyField, key+"\x00"+value) {
			return false
		}
	}
	for _, word := range c.Words {
		if !strings.Contains(w.SearchText, word) {
			return false
		}
	}
	return inRange(w.Contact.CreatedAt, c.CreatedAt) && inRange(w.Contact.UpdatedAt, c.UpdatedAt) && inRange(w.Contact.LastInteractionAt, c.LastInteractionAt)
}

func inRange(at time.Time, r crm.TimeRange) bool {
	switch {
	case r.From.IsZero() && r.To.IsZero():
		return true
	case at.IsZero():
		return false
	case !r.From.IsZero() && at.Before(r.From):
		return false
	}
	return r.To.IsZero() || at.Before(r.To)
}

func (t memTx) selected(ws crm.WorkspaceID, where crm.ContactCriteria) ([]crm.Contact, error) {
	s, err := t.read()
	if err != nil {
		return nil, err
	}
	var found []crm.Contact
	for _, w := range mine(s.contacts, ws) {
		if meets(w, where) {
			found = append(found, copied(w.Contact))
		}
	}
	return found, nil
}

func (t memTx) ListContacts(_ context.Context, ws crm.WorkspaceID, q crm.ContactQuery) ([]crm.Contact, error) {
	found, err := t.selected(ws, q.Where)
	if err != nil {
		return nil, err
	}
	compare := func(value []byte, id crm.ID, c crm.Contact) int {
		order := bytes.Compare(value, crm.SortValue(c, q.Sort))
		if order == 0 {
			order = compareIDs(id, c.ID)
		}
		if q.Desc {
			order = -order
		}
		return order
	}
	slices.SortFunc(found, func(a, b crm.Contact) int { return compare(crm.SortValue(a, q.Sort), a.ID, b) })
	if q.After != nil {
		found = slices.DeleteFunc(found, func(c crm.Contact) bool { return compare(q.After.Value, q.After.ID, c) >= 0 })
	}
	return firstOf(found[min(q.Offset, len(found)):], q.Limit), nil
}

func (t memTx) CountContacts(_ context.Context, ws crm.WorkspaceID, where crm.ContactCriteria, atMost int) (int, error) {
	found, err := t.selected(ws, where)
	if atMost > 0 && !where.IsAll() && !where.IsAllTrash() {
		return min(len(found), atMost), err
	}
	return len(found), err
}

func (t memTx) ListContactIDs(_ context.Context, ws crm.WorkspaceID, where crm.ContactCriteria, after crm.ID, limit int) ([]crm.ID, error) {
	found, err := t.selected(ws, where)
	var ids []crm.ID
	for _, c := range found {
		if compareIDs(c.ID, after) > 0 {
			ids = append(ids, c.ID)
		}
	}
	slices.SortFunc(ids, compareIDs)
	return firstOf(ids, limit), err
}

func (t memTx) FindContacts(_ context.Context, ws crm.WorkspaceID, keys []crm.ContactKey) ([]crm.ContactKeyHit, error) {
	s, err := t.read()
	if err != nil {
		return nil, err
	}
	asked := map[crm.ContactKey]bool{}
	for _, key := range keys {
		asked[key] = true
	}
	var hits []crm.ContactKeyHit
	for _, w := range mine(s.contacts, ws) {
		for _, key := range w.Keys {
			if asked[key] {
				hits = append(hits, crm.ContactKeyHit{Key: key, Contact: w.Contact.ID})
			}
		}
	}
	return hits, nil
}

func (t memTx) PutContacts(ctx context.Context, ws crm.WorkspaceID, writes []crm.ContactWrite) error {
	return t.write(ctx, func(s *state) error {
		next := maps.Clone(s.contacts)
		for _, w := range writes {
			old, there := next[of[crm.ID]{ws, w.Contact.ID}]
			if err := versionAgrees(there, old.Contact.Version, w.Expect, w.Contact.ID); err != nil {
				return err
			}
			w.Contact, w.Keys = copied(w.Contact), slices.Clone(w.Keys)
			if there {
				w.Contact.Score, w.Contact.LastInteractionAt = old.Contact.Score, old.Contact.LastInteractionAt
			}
			next[of[crm.ID]{ws, w.Contact.ID}] = w
		}
		for _, w := range writes {
			if w.Contact.SourceID == "" {
				continue
			}
			for _, other := range mine(next, ws) {
				if other.Contact.ID != w.Contact.ID && other.Contact.SourceID == w.Contact.SourceID && other.Contact.Source == w.Contact.Source {
					return conflict(crm.ConflictExists, other.Contact.ID)
				}
			}
		}
		s.contacts = next
		return nil
	})
}

func (t memTx) EraseContacts(ctx context.Context, ws crm.WorkspaceID, ids []crm.ID) (int, error) {
	n := 0
	err := t.write(ctx, func(s *state) error {
		for _, id := range ids {
			if _, ok := s.contacts[of[crm.ID]{ws, id}]; ok {
				delete(s.contacts, of[crm.ID]{ws, id})
				n++
			}
		}
		return nil
	})
	return n, err
}
