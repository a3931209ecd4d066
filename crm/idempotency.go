package crm

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// idempotencyTTL is how long an answer can be asked for again.
const idempotencyTTL = 24 * time.Hour

// idempotencyPatience is how long a request may be in progress before its key
// is free again: its process must have died.
const idempotencyPatience = 2 * time.Minute

// SavedAnswer is what a request was answered with, as far as it may be kept:
// no personal data, so that an erase need not look here. Who answers again reads
// the record once more, and finds it erased when it was.
type SavedAnswer struct {
	// Status is 0 for a request that was carried out by a process that died
	// before it answered; then only Record may be set.
	Status int               `json:"status"`
	Header map[string]string `json:"header"`
	// Record is what the answer showed, zero when that was no record.
	Record ID `json:"record,omitzero"`
	// Body is an answer of figures, ids and codes, or what it takes to make the
	// answer again.
	Body []byte `json:"body,omitempty"`
}

// IdempotencyRecord remembers a request by its key.
type IdempotencyRecord struct {
	// Key is the caller's key, led by who it belongs to; at most 400 bytes.
	Key string
	// Request identifies method, path and body.
	Request Fingerprint
	// Answer is nil while the request is in progress.
	Answer    *SavedAnswer
	CreatedAt time.Time
}

// IdempotencyStore keeps the answers of requests that may be sent again.
type IdempotencyStore interface {
	// GetIdempotencyRecord returns the record of a key, or ErrNotFound.
	GetIdempotencyRecord(ctx context.Context, ws WorkspaceID, key string) (IdempotencyRecord, error)
	// PutIdempotencyRecord inserts or replaces a record.
	PutIdempotencyRecord(ctx context.Context, ws WorkspaceID, r IdempotencyRecord) error
	// DeleteIdempotencyRecord removes a record; an absent one counts as nothing.
	DeleteIdempotencyRecord(ctx context.Context, ws WorkspaceID, key string) error
}

// IdempotencyService makes requests safe to send again: the first one with a
// key runs, later ones get its answer for 24 hours, with the records in it as
// they are by then. Keys belong to a user in a
// workspace. It asks for no permission: the request itself does.
type IdempotencyService struct {
	store tenantStore
	now   func() time.Time
}

// Begin reserves the key for a request. A nil answer and nil error mean: go
// on in the context of Bind, then call Finish or Abandon. An answer is to be replayed. A key that was
// used for another request, or whose request is still running, is a
// *ConflictError with ConflictState.
func (s *IdempotencyService) Begin(ctx context.Context, actor Actor, key string, request Fingerprint) (*SavedAnswer, error) {
	if err := checkIdempotencyKey(key); err != nil {
		return nil, fmt.Errorf("begin request: %w", err)
	}
	var answer *SavedAnswer
	err := s.store.InTx(ctx, func(tx Tx) error {
		answer = nil
		now := s.now()
		old, err := tx.GetIdempotencyRecord(ctx, actor.Workspace, ownKey(actor, key))
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		if err == nil && now.Sub(old.CreatedAt) < idempotencyTTL {
			if old.Request != request {
				return &ConflictError{Reason: ConflictState, Message: "this Idempotency-Key was used for another request; use a new key"}
			}
			if old.Answer != nil && old.Answer.Status != 0 {
				answer = old.Answer
				return nil
			}
			if now.Sub(old.CreatedAt) < idempotencyPatience {
				return &ConflictError{Reason: ConflictState, Message: "the request with this Idempotency-Key is still running; try again in a moment"}
			}
			if old.Answer != nil {
				answer = old.Answer
				return nil
			}
		}
		return tx.PutIdempotencyRecord(ctx, actor.Workspace, IdempotencyRecord{Key: ownKey(actor, key), Request: request, CreatedAt: now})
	})
	if err != nil {
		return nil, fmt.Errorf("begin request: %w", err)
	}
	return answer, nil
}

// Finish stores the answer of a request begun.
func (s *IdempotencyService) Finish(ctx context.Context, actor Actor, key string, a SavedAnswer) error {
	err := s.store.InTx(ctx, func(tx Tx) error {
		r, err := tx.GetIdempotencyRecord(ctx, actor.Workspace, ownKey(actor, key))
		if err != nil {
			return err
		}
		r.Answer = &a
		return tx.PutIdempotencyRecord(ctx, actor.Workspace, r)
	})
	if err != nil {
		return fmt.Errorf("finish request: %w", err)
	}
	return nil
}

// Abandon frees the key of a request that had no effect.
func (s *IdempotencyService) Abandon(ctx context.Context, actor Actor, key string) error {
	if err := s.store.DeleteIdempotencyRecord(ctx, actor.Workspace, ownKey(actor, key)); err != nil {
		return fmt.Errorf("abandon request: %w", err)
	}
	return nil
}

// Settle frees the key of a request that broke down, unless the request was
// carried out and only the answer to its commit was lost. It waits for a
// transaction of the request that still is at work.
func (s *IdempotencyService) Settle(ctx context.Context, actor Actor, key string) error {
	err := s.store.InTx(ctx, func(tx Tx) error {
		r, err := tx.GetIdempotencyRecord(ctx, actor.Workspace, ownKey(actor, key))
		if err != nil || r.Answer != nil {
			return err
		}
		return tx.DeleteIdempotencyRecord(ctx, actor.Workspace, ownKey(actor, key))
	})
	if err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("settle request: %w", err)
	}
	return nil
}

// maxIdempotencyKey is how long a caller's key may be, in bytes.
const maxIdempotencyKey = 255

func checkIdempotencyKey(key string) error {
	if key == "" || len(key) > maxIdempotencyKey || !utf8.ValidString(key) || strings.ContainsRune(key, 0) {
		return Invalid("Idempotency-Key", CodeInvalid, "must have 1 to 255 bytes of text")
	}
	return nil
}

func ownKey(actor Actor, key string) string { return actor.User.String() + ":" + key }
