package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

var (
	_ crm.Store               = (*slowLog)(nil)
	_ crm.ResumableTransactor = (*slowLog)(nil)
	_ crm.SoleWriter          = (*slowLog)(nil)
)

// slowLog is a store that tells which transactions take long, with how many
// contacts and events they wrote. It has everything else from the store that it
// decorates, and passes the suites of package crmtest as that one does.
type slowLog struct {
	crm.Store
	after time.Duration
	log   *slog.Logger
}

// InTx implements [crm.Transactor].
func (s *slowLog) InTx(ctx context.Context, fn func(crm.Tx) error) error {
	return s.timed(ctx, s.Store.InTx, fn)
}

// InResumableTx implements [crm.ResumableTransactor]: an interface that is
// optional is lost to the CRM unless a decorator passes it on. Over a store
// without it, InTx keeps its promise and more.
func (s *slowLog) InResumableTx(ctx context.Context, fn func(crm.Tx) error) error {
	if store, ok := s.Store.(crm.ResumableTransactor); ok {
		return s.timed(ctx, store.InResumableTx, fn)
	}
	return s.InTx(ctx, fn)
}

// SoleWriter implements [crm.SoleWriter] in the same way.
func (s *slowLog) SoleWriter() bool {
	store, ok := s.Store.(crm.SoleWriter)
	return ok && store.SoleWriter()
}

// timed runs fn in a transaction of inTx. The time is that of fn, not of the
// wait before it: fn may run again, and then the last run counts.
func (s *slowLog) timed(ctx context.Context, inTx func(context.Context, func(crm.Tx) error) error, fn func(crm.Tx) error) error {
	var took time.Duration
	var counted *countingTx
	err := inTx(ctx, func(tx crm.Tx) error {
		begin := time.Now()
		defer func() { took = time.Since(begin) }()
		counted = &countingTx{Tx: tx}
		return fn(counted)
	})
	if took > s.after {
		s.log.WarnContext(ctx, "slow transaction", "took", took, "contacts", counted.contacts, "events", counted.events, "error", err)
	}
	return err
}

// countingTx is a transaction that counts what it writes. It is used in one
// goroutine, as every transaction is.
type countingTx struct {
	crm.Tx
	contacts, events int
}

// PutContacts implements [crm.ContactStore].
func (t *countingTx) PutContacts(ctx context.Context, ws crm.WorkspaceID, writes []crm.ContactWrite) error {
	t.contacts += len(writes)
	return t.Tx.PutContacts(ctx, ws, writes)
}

// AppendEvents implements [crm.EventStore].
func (t *countingTx) AppendEvents(ctx context.Context, ws crm.WorkspaceID, events []crm.Event) error {
	t.events += len(events)
	return t.Tx.AppendEvents(ctx, ws, events)
}
