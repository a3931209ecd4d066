package crm_test

import (
	"context"
	"sync"

	"github.com/omnicrm/omnicrm/crm"
)

// hookedStore tells a hook of the calls that reach the store, in and out of
// transactions; what the hook returns instead of nil is the call's error.
type hookedStore struct {
	hookedTx
	crm.JobQueue
	crm.Blobs
	crm.SystemStore
	inner crm.Store
}

func hook(inner crm.Store, call func(method string) error) *hookedStore {
	return &hookedStore{hookedTx{inner, call}, inner, inner, inner, inner}
}

func (s *hookedStore) InTx(ctx context.Context, fn func(tx crm.Tx) error) error {
	if err := s.call("InTx"); err != nil {
		return err
	}
	return s.inner.InTx(ctx, func(tx crm.Tx) error { return fn(hookedTx{tx, s.call}) })
}

// loadContacts is what the hook is told instead of ListContacts when a search
// index is loaded.
const loadContacts = "ListContacts of a load"

type hookedTx struct {
	crm.Tx
	call func(method string) error
}

func (s hookedTx) GetContacts(ctx context.Context, ws crm.WorkspaceID, ids []crm.ID) ([]crm.Contact, error) {
	if err := s.call("GetContacts"); err != nil {
		return nil, err
	}
	return s.Tx.GetContacts(ctx, ws, ids)
}

func (s hookedTx) ListContacts(ctx context.Context, ws crm.WorkspaceID, q crm.ContactQuery) ([]crm.Contact, error) {
	method := "ListContacts"
	if q.Limit > crm.MaxPageSize { // Only the load of a search index asks for so many.
		method = loadContacts
	}
	if err := s.call(method); err != nil {
		return nil, err
	}
	return s.Tx.ListContacts(ctx, ws, q)
}

func (s hookedTx) ListContactIDs(ctx context.Context, ws crm.WorkspaceID, where crm.ContactCriteria, after crm.ID, limit int) ([]crm.ID, error) {
	if err := s.call("ListContactIDs"); err != nil {
		return nil, err
	}
	return s.Tx.ListContactIDs(ctx, ws, where, after, limit)
}

func (s hookedTx) PutContacts(ctx context.Context, ws crm.WorkspaceID, writes []crm.ContactWrite) error {
	if err := s.call("PutContacts"); err != nil {
		return err
	}
	return s.Tx.PutContacts(ctx, ws, writes)
}

func (s hookedTx) EraseContacts(ctx context.Context, ws crm.WorkspaceID, ids []crm.ID) (int, error) {
	if err := s.call("EraseContacts"); err != nil {
		return 0, err
	}
	return s.Tx.EraseContacts(ctx, ws, ids)
}

func (s hookedTx) AppendEvents(ctx context.Context, ws crm.WorkspaceID, events []crm.Event) error {
	if err := s.call("AppendEvents"); err != nil {
		return err
	}
	return s.Tx.AppendEvents(ctx, ws, events)
}

func (s hookedTx) GetJob(ctx context.Context, ws crm.WorkspaceID, id crm.ID) (crm.Job, error) {
	if err := s.call("GetJob"); err != nil {
		return crm.Job{}, err
	}
	return s.Tx.GetJob(ctx, ws, id)
}

func (s hookedTx) PutJob(ctx context.Context, ws crm.WorkspaceID, j crm.Job, expect int64) error {
	if err := s.call("PutJob"); err != nil {
		return err
	}
	return s.Tx.PutJob(ctx, ws, j, expect)
}

func (s hookedTx) CheckLease(ctx context.Context, ws crm.WorkspaceID, id, lease crm.ID) error {
	if err := s.call("CheckLease"); err != nil {
		return err
	}
	return s.Tx.CheckLease(ctx, ws, id, lease)
}

func (s hookedTx) GetImport(ctx context.Context, ws crm.WorkspaceID, id crm.ID) (crm.Import, error) {
	if err := s.call("GetImport"); err != nil {
		return crm.Import{}, err
	}
	return s.Tx.GetImport(ctx, ws, id)
}

func (s hookedTx) PutImport(ctx context.Context, ws crm.WorkspaceID, i crm.Import, expect int64) error {
	if err := s.call("PutImport"); err != nil {
		return err
	}
	return s.Tx.PutImport(ctx, ws, i, expect)
}

func (s hookedTx) ListImportRows(ctx context.Context, ws crm.WorkspaceID, id crm.ID, q crm.ImportRowQuery) ([]crm.ImportRow, error) {
	if err := s.call("ListImportRows"); err != nil {
		return nil, err
	}
	return s.Tx.ListImportRows(ctx, ws, id, q)
}

func (s hookedTx) GetWorkspace(ctx context.Context, ws crm.WorkspaceID) (crm.Workspace, error) {
	if err := s.call("GetWorkspace"); err != nil {
		return crm.Workspace{}, err
	}
	return s.Tx.GetWorkspace(ctx, ws)
}

// The claims and the queue, for what happens to a process that is cut off.

func (s *hookedStore) ReceiveJobs(ctx context.Context, wants []crm.JobWant, limit int) ([]crm.JobTicket, error) {
	if err := s.call("ReceiveJobs"); err != nil {
		return nil, err
	}
	return s.inner.ReceiveJobs(ctx, wants, limit)
}

// callLog remembers calls.
type callLog struct {
	mu    sync.Mutex
	calls []string
	on    bool
}

func (l *callLog) call(method string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.on && method != "ReceiveJobs" {
		l.calls = append(l.calls, method)
	}
	return nil
}

// during returns the calls made while f ran.
func (l *callLog) during(f func()) []string {
	l.mu.Lock()
	l.calls, l.on = nil, true
	l.mu.Unlock()
	f()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.on = false
	return l.calls
}
