package httpapi_test

import (
	"context"
	"strings"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
)

// leak is what a store forgets: to look into the asked workspace only.
type leak string

const (
	contactsLeak  leak = "contacts are got from everywhere"
	matchesLeak   leak = "contacts are matched everywhere"
	listLeak      leak = "contacts are listed from everywhere"
	jobsLeak      leak = "jobs are listed from everywhere"
	importsLeak   leak = "imports are listed from everywhere"
	timelineLeak  leak = "interactions are listed from everywhere"
	historyLeak   leak = "the history of a contact is told everywhere"
	answersLeak   leak = "answers are kept for everybody"
	strangersLeak leak = "answers are kept for the whole workspace"
)

// leakyStore is a store with a leak: what one workspace asks, the other one
// answers.
type leakyStore struct {
	leakyTx
	crm.JobQueue
	crm.Blobs
	crm.SystemStore
	inner crm.Store
}

func (s leakyStore) InTx(ctx context.Context, fn func(tx crm.Tx) error) error {
	return s.inner.InTx(ctx, func(tx crm.Tx) error { return fn(leakyTx{tx, s.leak, s.w}) })
}

type leakyTx struct {
	crm.Tx
	leak leak
	w    *matrixWorld
}

// withLeak gives the world's CRM a leaky store.
func withLeak(l leak) func(w *matrixWorld) crm.Store {
	return func(w *matrixWorld) crm.Store {
		return leakyStore{leakyTx{w.store, l, w}, w.store, w.store, w.store, w.store}
	}
}

// into is the workspace that is looked into.
func (s leakyTx) into(l leak, ws crm.WorkspaceID) crm.WorkspaceID {
	if s.leak == l && ws == s.w.home {
		return s.w.away
	}
	return ws
}

func (s leakyTx) GetContacts(ctx context.Context, ws crm.WorkspaceID, ids []crm.ID) ([]crm.Contact, error) {
	own, err := s.Tx.GetContacts(ctx, ws, ids)
	if other := s.w.away; err == nil && ws != other && (s.leak == contactsLeak || s.leak == matchesLeak) {
		var more []crm.Contact
		more, err = s.Tx.GetContacts(ctx, other, ids)
		own = append(own, more...)
	}
	return own, err
}

func (s leakyTx) FindContacts(ctx context.Context, ws crm.WorkspaceID, keys []crm.ContactKey) ([]crm.ContactKeyHit, error) {
	return s.Tx.FindContacts(ctx, s.into(matchesLeak, ws), keys)
}

func (s leakyTx) ListContacts(ctx context.Context, ws crm.WorkspaceID, q crm.ContactQuery) ([]crm.Contact, error) {
	return s.Tx.ListContacts(ctx, s.into(listLeak, ws), q)
}

func (s leakyTx) ListJobs(ctx context.Context, ws crm.WorkspaceID, q crm.JobQuery) ([]crm.Job, error) {
	return s.Tx.ListJobs(ctx, s.into(jobsLeak, ws), q)
}

func (s leakyTx) ListImports(ctx context.Context, ws crm.WorkspaceID, q crm.ImportQuery) ([]crm.Import, error) {
	return s.Tx.ListImports(ctx, s.into(importsLeak, ws), q)
}

func (s leakyTx) ListInteractions(ctx context.Context, ws crm.WorkspaceID, q crm.InteractionQuery) ([]crm.Interaction, error) {
	if s.leak == timelineLeak && ws == s.w.home {
		q.Contact = s.w.victim
	}
	return s.Tx.ListInteractions(ctx, s.into(timelineLeak, ws), q)
}

func (s leakyTx) ListSubjectEvents(ctx context.Context, ws crm.WorkspaceID, subject crm.ID, before crm.Position, limit int) ([]crm.Event, error) {
	return s.Tx.ListSubjectEvents(ctx, s.into(historyLeak, ws), subject, before, limit)
}

func (s leakyTx) GetIdempotencyRecord(ctx context.Context, ws crm.WorkspaceID, key string) (crm.IdempotencyRecord, error) {
	return s.Tx.GetIdempotencyRecord(ctx, s.keeper(ws), s.everybodys(key))
}

func (s leakyTx) PutIdempotencyRecord(ctx context.Context, ws crm.WorkspaceID, r crm.IdempotencyRecord) error {
	r.Key = s.everybodys(r.Key)
	return s.Tx.PutIdempotencyRecord(ctx, s.keeper(ws), r)
}

func (s leakyTx) keeper(ws crm.WorkspaceID) crm.WorkspaceID {
	if s.leak == answersLeak {
		return s.w.home
	}
	return ws
}

// everybodys is a key without whose it is.
func (s leakyTx) everybodys(key string) string {
	if s.leak == answersLeak || s.leak == strangersLeak {
		_, key, _ = strings.Cut(key, ":")
	}
	return key
}

// TestLeaksBesideThePathAreSeen runs the checks of foreign ids, cursors and
// keys over stores with leaks.
func TestLeaksBesideThePathAreSeen(t *testing.T) {
	t.Parallel()
	twins, cursors, keys := (*twoSides).checkTwins, (*twoSides).checkCursors, (*twoSides).checkKeys
	for l, check := range map[leak]func(*twoSides) []string{
		contactsLeak: twins, matchesLeak: twins, historyLeak: twins, jobsLeak: twins,
		listLeak: cursors, importsLeak: cursors, timelineLeak: cursors,
		answersLeak: keys, strangersLeak: keys,
	} {
		t.Run(string(l), func(t *testing.T) {
			if found := check(newTwoSides(newMatrixWorld(t, withLeak(l)))); len(found) == 0 {
				t.Error("nobody sees that")
			}
		})
	}
	t.Run("jobs by their cursor", func(t *testing.T) {
		if found := cursors(newTwoSides(newMatrixWorld(t, withLeak(jobsLeak)))); len(found) == 0 {
			t.Error("nobody sees that")
		}
	})
}
