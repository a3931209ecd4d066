package crmtest_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/omnicrm/omnicrm/crm"
)

// writing breaks single writes and reads of contacts.
type writing struct {
	memTx
	put   func(ctx context.Context, t memTx, ws crm.WorkspaceID, writes []crm.ContactWrite) error
	get   func(ctx context.Context, t memTx, ws crm.WorkspaceID, ids []crm.ID) ([]crm.Contact, error)
	count func(ctx context.Context, t memTx, ws crm.WorkspaceID, w crm.ContactCriteria, atMost int) (int, error)
	find  func(ctx context.Context, t memTx, ws crm.WorkspaceID, keys []crm.ContactKey) ([]crm.ContactKeyHit, error)
	erase func(ctx context.Context, t memTx, ws crm.WorkspaceID, ids []crm.ID) (int, error)
}

func (t writing) PutContacts(ctx context.Context, ws crm.WorkspaceID, writes []crm.ContactWrite) error {
	if t.put == nil {
		return t.memTx.PutContacts(ctx, ws, writes)
	}
	return t.put(ctx, t.memTx, ws, writes)
}

func (t writing) GetContacts(ctx context.Context, ws crm.WorkspaceID, ids []crm.ID) ([]crm.Contact, error) {
	if t.get == nil {
		return t.memTx.GetContacts(ctx, ws, ids)
	}
	return t.get(ctx, t.memTx, ws, ids)
}

func (t writing) CountContacts(ctx context.Context, ws crm.WorkspaceID, w crm.ContactCriteria, atMost int) (int, error) {
	if t.count == nil {
		return t.memTx.CountContacts(ctx, ws, w, atMost)
	}
	return t.count(ctx, t.memTx, ws, w, atMost)
}

func (t writing) FindContacts(ctx context.Context, ws crm.WorkspaceID, keys []crm.ContactKey) ([]crm.ContactKeyHit, error) {
	if t.find == nil {
		return t.memTx.FindContacts(ctx, ws, keys)
	}
	return t.find(ctx, t.memTx, ws, keys)
}

func (t writing) EraseContacts(ctx context.Context, ws crm.WorkspaceID, ids []crm.ID) (int, error) {
	if t.erase == nil {
		return t.memTx.EraseContacts(ctx, ws, ids)
	}
	return t.erase(ctx, t.memTx, ws, ids)
}

func wrongly(w writing) func() crm.Store {
	return breakTx(func(t memTx) crm.Tx {
		w := w
		w.memTx = t
		return w
	})
}

// put breaks PutContacts by what it makes of the writes and of the refusal.
func put(change func(t memTx, ws crm.WorkspaceID, writes []crm.ContactWrite)) func() crm.Store {
	return wrongly(writing{put: func(ctx context.Context, t memTx, ws crm.WorkspaceID, writes []crm.ContactWrite) error {
		writes = slices.Clone(writes)
		change(t, ws, writes)
		return t.PutContacts(ctx, ws, writes)
	}})
}

// storedVersion is the version of a row, 0 for none.
func storedVersion(t memTx, ws crm.WorkspaceID, id crm.ID) int64 {
	s, err := t.read()
	if err != nil {
		return 0
	}
	return s.contacts[of[crm.ID]{ws, id}].Contact.Version
}

func writeFaults() []fault {
	return []fault{
		{name: "a stale version is accepted", part: "versions", red: "an_update_of_another_version", store: put(func(t memTx, ws crm.WorkspaceID, writes []crm.ContactWrite) {
			for i, w := range writes {
				if at := storedVersion(t, ws, w.Contact.ID); w.Expect != 0 && at != 0 {
					writes[i].Expect = at
				}
			}
		})},
		{name: "an older version is accepted", part: "versions", red: "an_update_of_another_version", store: put(func(t memTx, ws crm.WorkspaceID, writes []crm.ContactWrite) {
			for i, w := range writes {
				if at := storedVersion(t, ws, w.Contact.ID); w.Expect > at && at != 0 {
					writes[i].Expect = at
				}
			}
		})},
		{name: "an update of what is gone inserts it", part: "versions", red: "that_is_gone_is_stale", store: put(func(t memTx, ws crm.WorkspaceID, writes []crm.ContactWrite) {
			for i, w := range writes {
				if storedVersion(t, ws, w.Contact.ID) == 0 {
					writes[i].Expect = 0
				}
			}
		})},
		{name: "an insert overwrites", part: "versions", red: "an_insert_of_an_id", store: put(func(t memTx, ws crm.WorkspaceID, writes []crm.ContactWrite) {
			for i, w := range writes {
				if w.Expect == 0 {
					writes[i].Expect = storedVersion(t, ws, w.Contact.ID)
				}
			}
		})},
		{name: "versions count on by themselves", part: "versions", red: "also_a_lower_one", store: put(func(t memTx, ws crm.WorkspaceID, writes []crm.ContactWrite) {
			for i, w := range writes {
				if w.Expect > 0 {
					writes[i].Contact.Version = w.Expect + 1
				}
			}
		})},
		{name: "rows before a refused one are written", part: "versions", red: "one_refused_row", store: wrongly(writing{
			put: func(ctx context.Context, t memTx, ws crm.WorkspaceID, writes []crm.ContactWrite) error {
				for i := range writes {
					if err := t.PutContacts(ctx, ws, writes[i:i+1]); err != nil {
						return err
					}
				}
				return nil
			},
		})},
		{name: "a source id is not unique", part: "versions", red: "a_source's_id_is_unique", store: breakTx(func(t memTx) crm.Tx { return twins{t, false} })},
		{name: "a source id of the trash is free", part: "versions", red: "a_source's_id_is_unique", store: breakTx(func(t memTx) crm.Tx { return twins{t, true} })},
		{name: "an update leaves the old keys", part: "keys", red: "an_update_replaces_the_keys", store: put(func(t memTx, ws crm.WorkspaceID, writes []crm.ContactWrite) {
			s, err := t.read()
			if err != nil {
				return
			}
			for i, w := range writes {
				writes[i].Keys = append(slices.Clone(w.Keys), s.contacts[of[crm.ID]{ws, w.Contact.ID}].Keys...)
			}
		})},
		{name: "an erase leaves the keys", part: "keys", red: "an_erase_removes_the_keys", store: breakTx(leavesKeys())},
		{name: "a key is found by its beginning", part: "keys", red: "a_key_is_compared_whole", store: wrongly(writing{find: findByPrefix})},
		{name: "a contact is got twice", part: "contacts", red: "get_answers_in_the_order", store: wrongly(writing{
			get: func(ctx context.Context, t memTx, ws crm.WorkspaceID, ids []crm.ID) ([]crm.Contact, error) {
				var all []crm.Contact
				for _, id := range ids {
					got, err := t.GetContacts(ctx, ws, []crm.ID{id})
					if err != nil {
						return nil, err
					}
					all = append(all, got...)
				}
				return all, nil
			},
		})},
		{name: "contacts are got in the order of their ids", part: "contacts", red: "get_answers_in_the_order", store: wrongly(writing{
			get: func(ctx context.Context, t memTx, ws crm.WorkspaceID, ids []crm.ID) ([]crm.Contact, error) {
				ids = slices.Clone(ids)
				slices.SortFunc(ids, compareIDs)
				return t.GetContacts(ctx, ws, ids)
			},
		})},
		{name: "deleted rows are counted", part: "figures", red: "figures_follow", store: wrongly(writing{
			count: func(ctx context.Context, t memTx, ws crm.WorkspaceID, w crm.ContactCriteria, atMost int) (int, error) {
				live, err := t.CountContacts(ctx, ws, w, atMost)
				trash := 0
				if w.IsAll() && err == nil {
					trash, err = t.CountContacts(ctx, ws, crm.ContactCriteria{Trash: true}, 0)
				}
				return live + trash, err
			},
		})},
		{name: "counting never stops", part: "filters", red: "counting_stops", store: wrongly(writing{
			count: func(ctx context.Context, t memTx, ws crm.WorkspaceID, w crm.ContactCriteria, _ int) (int, error) {
				return t.CountContacts(ctx, ws, w, 0)
			},
		})},
		{name: "figures keep what was rolled back", part: "figures", red: "rolled_back", store: func() crm.Store {
			kept := &keptFigures{live: map[crm.WorkspaceID]int{}}
			return breakTx(func(t memTx) crm.Tx { return looseFigures{t, kept} })()
		}},
		{name: "an erase counts absent contacts", part: "contacts", red: "erase_removes", store: wrongly(writing{
			erase: func(ctx context.Context, t memTx, ws crm.WorkspaceID, ids []crm.ID) (int, error) {
				_, err := t.EraseContacts(ctx, ws, ids)
				return len(ids), err
			},
		})},
	}
}

// twins lets contacts share a source id: any, or with the trash.
type twins struct {
	memTx
	onlyTrash bool
}

func (t twins) PutContacts(ctx context.Context, ws crm.WorkspaceID, writes []crm.ContactWrite) error {
	err := t.memTx.PutContacts(ctx, ws, writes)
	var c *crm.ConflictError
	if !errors.As(err, &c) || slices.ContainsFunc(writes, func(w crm.ContactWrite) bool { return w.Contact.ID == c.ID }) {
		return err
	}
	return t.write(ctx, func(s *state) error {
		holder := s.contacts[of[crm.ID]{ws, c.ID}]
		if t.onlyTrash && !holder.Contact.InTrash() {
			return err
		}
		for _, w := range writes {
			s.contacts[of[crm.ID]{ws, w.Contact.ID}] = w
		}
		return nil
	})
}

// leavesKeys remembers who held keys when it was erased.
func leavesKeys() func(t memTx) crm.Tx {
	erased := map[of[crm.ID]][]crm.ContactKey{}
	return func(t memTx) crm.Tx {
		return writing{
			memTx: t,
			erase: func(ctx context.Context, t memTx, ws crm.WorkspaceID, ids []crm.ID) (int, error) {
				s, err := t.read()
				if err != nil {
					return 0, err
				}
				for _, id := range ids {
					erased[of[crm.ID]{ws, id}] = s.contacts[of[crm.ID]{ws, id}].Keys
				}
				return t.EraseContacts(ctx, ws, ids)
			},
			find: func(ctx context.Context, t memTx, ws crm.WorkspaceID, keys []crm.ContactKey) ([]crm.ContactKeyHit, error) {
				hits, err := t.FindContacts(ctx, ws, keys)
				for who, held := range erased {
					for _, key := range held {
						if who.ws == ws && slices.Contains(keys, key) {
							hits = append(hits, crm.ContactKeyHit{Key: key, Contact: who.id})
						}
					}
				}
				return hits, err
			},
		}
	}
}

func findByPrefix(_ context.Context, t memTx, ws crm.WorkspaceID, keys []crm.ContactKey) ([]crm.ContactKeyHit, error) {
	s, err := t.read()
	var hits []crm.ContactKeyHit
	for _, w := range mine(s.contacts, ws) {
		for _, held := range w.Keys {
			for _, key := range keys {
				if key.Kind == held.Kind && strings.HasPrefix(held.Value, key.Value) {
					hits = append(hits, crm.ContactKeyHit{Key: key, Contact: w.Contact.ID})
				}
			}
		}
	}
	return hits, err
}

// looseFigures keeps the totals where no rollback reaches.
type looseFigures struct {
	memTx
	kept *keptFigures
}

type keptFigures struct {
	mu   sync.Mutex
	live map[crm.WorkspaceID]int
}

func (t looseFigures) follow(ctx context.Context, ws crm.WorkspaceID, change func() error) error {
	before, err := t.memTx.CountContacts(ctx, ws, crm.ContactCriteria{}, 0)
	if err == nil {
		err = change()
	}
	after, _ := t.memTx.CountContacts(ctx, ws, crm.ContactCriteria{}, 0)
	t.kept.mu.Lock()
	defer t.kept.mu.Unlock()
	t.kept.live[ws] += after - before
	return err
}

func (t looseFigures) PutContacts(ctx context.Context, ws crm.WorkspaceID, writes []crm.ContactWrite) error {
	return t.follow(ctx, ws, func() error { return t.memTx.PutContacts(ctx, ws, writes) })
}

func (t looseFigures) EraseContacts(ctx context.Context, ws crm.WorkspaceID, ids []crm.ID) (n int, err error) {
	err = t.follow(ctx, ws, func() error {
		n, err = t.memTx.EraseContacts(ctx, ws, ids)
		return err
	})
	return n, err
}

func (t looseFigures) CountContacts(ctx context.Context, ws crm.WorkspaceID, w crm.ContactCriteria, atMost int) (int, error) {
	if !w.IsAll() {
		return t.memTx.CountContacts(ctx, ws, w, atMost)
	}
	t.kept.mu.Lock()
	defer t.kept.mu.Unlock()
	return t.kept.live[ws], nil
}
