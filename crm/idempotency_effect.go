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
// that tells whether the request was carried out. The first transaction in that
// context that the services commit, here or in crm/identity, notes with the key
// that the request was carried out, and on which record: a process that dies
// before Finish has then either done nothing or said so, and the request never
// runs twice.
func (s *IdempotencyService) Bind(ctx context.Context, actor Actor, key string) (bound context.Context, carriedOut func() bool) {
	e := &effect{ws: actor.Workspace, key: ownKey(actor, key)}
	return context.WithValue(ctx, effectKey{}, e), e.carried.Load
}

// keyedStore is the store of the services: its transactions note the key of
// the request they belong to, so that no service can forget it.
type keyedStore struct{ tenantStore }

// InTx implements [Transactor].
func (s keyedStore) InTx(ctx context.Context, fn func(tx Tx) error) error {
	return CarryKey(ctx, s.tenantStore.InTx, func(tx Tx, see func([]Event)) Tx { return watchedTx{tx, see} }, fn)
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

// CarryKey runs fn by inTx. In a context made by [IdempotencyService.Bind] the
// first transaction that commits notes the request's key. watch returns a
// transaction that does what tx does and shows see the events it appends. It is
// for stores of services, such as crm/identity's, that have transactions of their
// own in the same database.
func CarryKey[T IdempotencyStore](
	ctx context.Context, inTx func(context.Context, func(T) error) error, watch func(tx T, see func([]Event)) T, fn func(T) error,
) error {
	e, ok := ctx.Value(effectKey{}).(*effect)
	if !ok || e.carried.Load() {
		return inTx(ctx, fn)
	}
	err := inTx(ctx, func(tx T) error {
		var seen sighting
		if err := fn(watch(tx, seen.see)); err != nil {
			return err
		}
		return e.note(ctx, tx, seen.record())
	})
	if err == nil {
		e.carried.Store(true)
	}
	return err
}

// note keeps an answer without a status: carried out, not answered.
func (e *effect) note(ctx context.Context, tx IdempotencyStore, record ID) error {
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

// watchedTx shows the events of a transaction.
type watchedTx struct {
	Tx
	see func([]Event)
}

// AppendEvents implements [EventStore].
func (t watchedTx) AppendEvents(ctx context.Context, ws WorkspaceID, events []Event) error {
	t.see(events)
	return t.Tx.AppendEvents(ctx, ws, events)
}

// sighting is what the events of a transaction tell of it.
type sighting struct {
	events  int
	subject ID
}

func (s *sighting) see(events []Event) {
	for _, e := range events {
		s.events++
		s.subject = e.Subject.ID
	}
}

// record is what the transaction changed, zero when that was not one thing.
func (s *sighting) record() ID {
	if s.events != 1 {
		return ID{}
	}
	return s.subject
}
