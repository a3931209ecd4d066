package crm

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
)

// effectKey finds the effect of a request in its context.
type effectKey struct{}

// effect is the key of a running request, until its first write is committed.
type effect struct {
	ws      WorkspaceID
	key     string
	carried atomic.Bool
}

// Bind returns a context for the request that holds the key, and a function
// that tells whether the request has written. The first transaction in that
// context that writes through the services notes with the key that the request
// was carried out, and on which record: a process that dies before Finish has
// then either done nothing or said so, and the request never runs twice.
func (s *IdempotencyService) Bind(ctx context.Context, actor Actor, key string) (bound context.Context, carriedOut func() bool) {
	e := &effect{ws: actor.Workspace, key: ownKey(actor, key)}
	return context.WithValue(ctx, effectKey{}, e), e.carried.Load
}

// keyedStore is the store of the services: its transactions note the key of
// the request they belong to, so that no service can forget it.
type keyedStore struct{ tenantStore }

// InTx implements [Transactor].
func (s keyedStore) InTx(ctx context.Context, fn func(tx Tx) error) error {
	return noteEffect(ctx, s.tenantStore.InTx, fn)
}

// InResumableTx implements [ResumableTransactor].
func (s keyedStore) InResumableTx(ctx context.Context, fn func(tx Tx) error) error {
	if r, ok := s.tenantStore.(ResumableTransactor); ok {
		return r.InResumableTx(ctx, fn) // Steps of jobs; a request only makes the job.
	}
	return s.tenantStore.InTx(ctx, fn)
}

// SoleWriter implements [SoleWriter].
func (s keyedStore) SoleWriter() bool {
	w, ok := s.tenantStore.(SoleWriter)
	return !ok || w.SoleWriter()
}

func noteEffect(ctx context.Context, inTx func(context.Context, func(Tx) error) error, fn func(Tx) error) error {
	e, ok := ctx.Value(effectKey{}).(*effect)
	if !ok || e.carried.Load() {
		return inTx(ctx, fn)
	}
	wrote := false
	err := inTx(ctx, func(tx Tx) error {
		watched := &watchedTx{Tx: tx}
		if err := fn(watched); err != nil {
			return err
		}
		if wrote = watched.events > 0; !wrote {
			return nil
		}
		return e.note(ctx, tx, watched.record())
	})
	if err == nil && wrote {
		e.carried.Store(true)
	}
	return err
}

// note keeps an answer without a status: carried out, not answered.
func (e *effect) note(ctx context.Context, tx Tx, record ID) error {
	r, err := tx.GetIdempotencyRecord(ctx, e.ws, e.key)
	if errors.Is(err, ErrNotFound) {
		return &ConflictError{Reason: ConflictState, Message: "the Idempotency-Key of this request was given to another one meanwhile; send it again"}
	}
	if err != nil {
		return fmt.Errorf("note the request's key: %w", err)
	}
	r.Answer = &SavedAnswer{Record: record}
	if err := tx.PutIdempotencyRecord(ctx, e.ws, r); err != nil {
		return fmt.Errorf("note the request's key: %w", err)
	}
	return nil
}

// watchedTx sees the events of a transaction, without which nothing is
// written: every change of a record has one.
type watchedTx struct {
	Tx
	events  int
	subject ID
}

// AppendEvents implements [EventStore].
func (t *watchedTx) AppendEvents(ctx context.Context, ws WorkspaceID, events []Event) error {
	if len(events) > 0 {
		t.events += len(events)
		t.subject = events[0].Subject.ID
	}
	return t.Tx.AppendEvents(ctx, ws, events)
}

// record is what the transaction changed, zero when that was not one thing.
func (t *watchedTx) record() ID {
	if t.events != 1 {
		return ID{}
	}
	return t.subject
}
