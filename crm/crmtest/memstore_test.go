package crmtest_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// of names a record of a workspace.
type of[K comparable] struct {
	ws crm.WorkspaceID
	id K
}

// rowKey names a row of an import.
type rowKey struct {
	imp crm.ID
	row int64
}

// viewKey names who looked at whom.
type viewKey struct{ user, contact crm.ID }

type image struct {
	ws crm.WorkspaceID
	crm.Image
}

// state is everything a store holds. A transaction works on a copy.
type state struct {
	workspaces map[crm.WorkspaceID]crm.Workspace
	contacts   map[of[crm.ID]]crm.ContactWrite
	tags       map[of[string]]crm.Tag
	images     []image // In the order of writing.
	touches    map[of[crm.ID]]crm.InteractionWrite
	series     map[of[slot]]int
	insights   map[of[crm.ID]]crm.StoredInsight
	views      map[of[viewKey]]time.Time
	viewCounts map[of[crm.ID]]int64
	events     []crm.WorkspaceEvent
	jobs       map[of[crm.ID]]job
	imports    map[of[crm.ID]]crm.Import
	rows       map[of[rowKey]]crm.ImportRow
	prints     map[of[crm.Fingerprint]]crm.FingerprintMark
	answers    map[of[string]]crm.IdempotencyRecord
	blobs      map[of[crm.ID]]storedBlob
	readers    map[string]reader
	log        crm.EventLog // Its Head is the highest position ever given.
	restore    restoring
	closed     bool
}

func (s state) copied() *state {
	s.workspaces, s.contacts, s.tags = maps.Clone(s.workspaces), maps.Clone(s.contacts), maps.Clone(s.tags)
	s.images, s.events = slices.Clone(s.images), slices.Clone(s.events)
	s.jobs, s.imports, s.rows = maps.Clone(s.jobs), maps.Clone(s.imports), maps.Clone(s.rows)
	s.prints, s.answers, s.blobs = maps.Clone(s.prints), maps.Clone(s.answers), maps.Clone(s.blobs)
	s.touches, s.series, s.readers = maps.Clone(s.touches), maps.Clone(s.series), maps.Clone(s.readers)
	s.insights, s.views, s.viewCounts = maps.Clone(s.insights), maps.Clone(s.views), maps.Clone(s.viewCounts)
	return &s
}

// memStore is a store that is meant to be obviously correct: maps that every
// transaction copies, changes and puts in place of the old ones.
type memStore struct {
	writer sync.Mutex
	now    atomic.Pointer[state]
	turn   crm.WorkspaceID // The workspace that was last given a ticket.
}

func newMemStore() *memStore {
	m := &memStore{}
	m.now.Store(&state{
		workspaces: map[crm.WorkspaceID]crm.Workspace{}, contacts: map[of[crm.ID]]crm.ContactWrite{}, tags: map[of[string]]crm.Tag{},
		jobs: map[of[crm.ID]]job{}, imports: map[of[crm.ID]]crm.Import{}, rows: map[of[rowKey]]crm.ImportRow{},
		prints: map[of[crm.Fingerprint]]crm.FingerprintMark{}, answers: map[of[string]]crm.IdempotencyRecord{}, blobs: map[of[crm.ID]]storedBlob{},
		touches: map[of[crm.ID]]crm.InteractionWrite{}, series: map[of[slot]]int{},
		readers: map[string]reader{}, log: crm.EventLog{Epoch: crm.NewID()},
		insights: map[of[crm.ID]]crm.StoredInsight{}, views: map[of[viewKey]]time.Time{}, viewCounts: map[of[crm.ID]]int64{},
	})
	return m
}

// write runs fn on a copy of the state and puts it in place when fn succeeds.
func (m *memStore) write(ctx context.Context, fn func(s *state) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	m.writer.Lock()
	defer m.writer.Unlock()
	s := m.now.Load().copied()
	if s.closed {
		return fmt.Errorf("closed: %w", crm.ErrUnavailable)
	}
	if err := fn(s); err != nil {
		return err
	}
	m.now.Store(s)
	return nil
}

func (m *memStore) read() (*state, error) {
	s := m.now.Load()
	if s.closed {
		return s, fmt.Errorf("closed: %w", crm.ErrUnavailable)
	}
	return s, nil
}

// parts is a store put together from its roles, so that a test can put another
// one in the place of each.
type parts struct {
	crm.Tx
	crm.Transactor
	crm.JobQueue
	crm.Blobs
	crm.SystemStore
}

var _ crm.Store = parts{}

// store returns a new, correct store.
func store() parts { return partsOf(newMemStore()) }

func partsOf(m *memStore) parts {
	return parts{Tx: memTx{read: m.read, write: m.write}, Transactor: transactor{m}, JobQueue: queue{m}, Blobs: blobs{m}, SystemStore: system{m}}
}

type transactor struct{ m *memStore }

func (t transactor) InTx(ctx context.Context, fn func(tx crm.Tx) error) error {
	return t.m.write(ctx, func(s *state) error {
		return fn(memTx{
			read:  func() (*state, error) { return s, nil },
			write: func(_ context.Context, fn func(s *state) error) error { return fn(s) },
		})
	})
}

// memTx reads and writes tenant data: in one state, or each time in the newest.
type memTx struct {
	read  func() (*state, error)
	write func(ctx context.Context, fn func(s *state) error) error
}

// mine returns what the workspace has of a kind, in any order.
func mine[K comparable, V any](all map[of[K]]V, ws crm.WorkspaceID) []V {
	var own []V
	for key, v := range all {
		if key.ws == ws {
			own = append(own, v)
		}
	}
	return own
}

func firstOf[T any](list []T, limit int) []T { return list[:min(limit, len(list))] }

func compareIDs(a, b crm.ID) int { return slices.Compare(a[:], b[:]) }

func conflict(reason crm.ConflictReason, id crm.ID) error {
	return &crm.ConflictError{Reason: reason, ID: id}
}

// versionAgrees checks a write against the stored version.
func versionAgrees(there bool, stored, expect int64, id crm.ID) error {
	switch {
	case expect == 0 && there:
		return conflict(crm.ConflictExists, id)
	case expect != 0 && (!there || stored != expect):
		return conflict(crm.ConflictStale, id)
	}
	return nil
}

func (t memTx) GetWorkspace(_ context.Context, ws crm.WorkspaceID) (crm.Workspace, error) {
	s, err := t.read()
	if err != nil {
		return crm.Workspace{}, err
	}
	w, ok := s.workspaces[ws]
	if !ok {
		return crm.Workspace{}, crm.ErrNotFound
	}
	return w, nil
}

func (t memTx) PutWorkspace(ctx context.Context, w crm.Workspace, expect int64) error {
	return t.write(ctx, func(s *state) error {
		old, there := s.workspaces[w.ID]
		if err := versionAgrees(there, old.Version, expect, crm.ID(w.ID)); err != nil {
			return err
		}
		s.workspaces[w.ID] = w
		return nil
	})
}

func (t memTx) ListTags(_ context.Context, ws crm.WorkspaceID) ([]crm.Tag, error) {
	s, err := t.read()
	if err != nil {
		return nil, err
	}
	tags := slices.DeleteFunc(mine(s.tags, ws), func(tag crm.Tag) bool { return tag.Count <= 0 })
	slices.SortFunc(tags, func(a, b crm.Tag) int { return cmp.Compare(a.Key, b.Key) })
	return tags, nil
}

func (t memTx) AddTagCounts(ctx context.Context, ws crm.WorkspaceID, deltas []crm.TagDelta) error {
	return t.write(ctx, func(s *state) error {
		for _, d := range deltas {
			tag, ok := s.tags[of[string]{ws, d.Key}]
			if !ok {
				tag = crm.Tag{Key: d.Key, Name: d.Name}
			}
			tag.Count += d.Delta
			s.tags[of[string]{ws, d.Key}] = tag
		}
		for _, d := range deltas {
			if key := (of[string]{ws, d.Key}); s.tags[key].Count == 0 {
				delete(s.tags, key)
			}
		}
		return nil
	})
}

func (t memTx) PutImages(ctx context.Context, ws crm.WorkspaceID, images []crm.Image) error {
	return t.write(ctx, func(s *state) error {
		for _, i := range images {
			i.Before, i.After = copiedPointer(i.Before), copiedPointer(i.After)
			s.images = append(s.images, image{ws, i})
		}
		return nil
	})
}

func copiedPointer(c *crm.Contact) *crm.Contact {
	if c == nil {
		return nil
	}
	own := copied(*c)
	return &own
}

func (t memTx) ListImages(_ context.Context, ws crm.WorkspaceID, batch, after crm.ID, limit int) ([]crm.Image, error) {
	s, err := t.read()
	if err != nil {
		return nil, err
	}
	var images []crm.Image
	for _, i := range s.images {
		if i.ws == ws && i.Batch == batch && compareIDs(i.Contact, after) > 0 {
			i.Before, i.After = copiedPointer(i.Before), copiedPointer(i.After)
			images = append(images, i.Image)
		}
	}
	slices.SortStableFunc(images, func(a, b crm.Image) int { return compareIDs(a.Contact, b.Contact) })
	for limit < len(images) && images[limit].Contact == images[limit-1].Contact {
		limit++
	}
	return firstOf(images, limit), nil
}

func (t memTx) DeleteImages(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID) error {
	return t.write(ctx, func(s *state) error {
		s.images = slices.DeleteFunc(s.images, func(i image) bool { return i.ws == ws && slices.Contains(contacts, i.Contact) })
		return nil
	})
}

func (t memTx) AppendEvents(ctx context.Context, ws crm.WorkspaceID, events []crm.Event) error {
	return t.write(ctx, func(s *state) error {
		for _, e := range events {
			s.log.Head++
			e.Position = s.log.Head
			e.At, e.Contacts = micros(e.At), slices.Clone(e.Contacts)
			s.events = append(s.events, crm.WorkspaceEvent{Workspace: ws, Event: e})
		}
		return nil
	})
}

func (t memTx) ListEvents(_ context.Context, ws crm.WorkspaceID, after crm.Position, limit int) ([]crm.Event, error) {
	s, err := t.read()
	if err != nil {
		return nil, err
	}
	var events []crm.Event
	for _, e := range s.events {
		if e.Workspace == ws && e.Position > after {
			events = append(events, e.Event)
		}
	}
	return firstOf(events, limit), nil
}

func (t memTx) EventHead(ctx context.Context, ws crm.WorkspaceID) (crm.Position, error) {
	events, err := t.ListEvents(ctx, ws, 0, 1<<30)
	if err != nil || len(events) == 0 {
		return 0, err
	}
	return events[len(events)-1].Position, nil
}
