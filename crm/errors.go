package crm

import (
	"errors"
	"strings"
)

// The errors of the domain. Every error that leaves a service or a port wraps
// exactly one of them, or is an internal failure. Test with [errors.Is].
var (
	// ErrNotFound: no such record in the actor's workspace. A record of
	// another workspace is not found, and nothing tells the two apart.
	ErrNotFound = errors.New("not found")
	// ErrConflict: the write contradicts what is stored. A [*ConflictError]
	// says what is in the way.
	ErrConflict = errors.New("conflict")
	// ErrInvalid: the input breaks a rule. A [*ValidationError] names the fields.
	ErrInvalid = errors.New("invalid")
	// ErrForbidden: the actor's role or scopes do not allow the operation.
	ErrForbidden = errors.New("forbidden")
	// ErrUnauthenticated: nobody, or nobody known, is calling.
	ErrUnauthenticated = errors.New("unauthenticated")
	// ErrUnavailable: a dependency is down or closed; trying again later may work.
	ErrUnavailable = errors.New("unavailable")
	// ErrTooLarge: the input is beyond a limit of size or count.
	ErrTooLarge = errors.New("too large")
)

// The codes of a [FieldError].
const (
	CodeRequired  = "required"
	CodeInvalid   = "invalid"
	CodeTooLong   = "too_long"
	CodeTooMany   = "too_many"
	CodeUnknown   = "unknown"
	CodeDuplicate = "duplicate"
)

// FieldError is one broken rule. Field is the path in the API's own terms,
// such as "emails[1].address"; Message is a sentence for people and never
// repeats the value.
type FieldError struct {
	Field   string `json:"field"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// ValidationError lists every broken rule of one input, in the order of the
// input's fields. It is an [ErrInvalid].
type ValidationError struct {
	Fields []FieldError
}

// Invalid returns a [*ValidationError] of one field.
func Invalid(field, code, message string) error {
	return &ValidationError{Fields: []FieldError{{Field: field, Code: code, Message: message}}}
}

// Error names the fields and rules.
func (e *ValidationError) Error() string {
	parts := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		parts[i] = f.Field + " " + f.Message
	}
	return "invalid: " + strings.Join(parts, "; ")
}

// Is makes a ValidationError an [ErrInvalid].
func (e *ValidationError) Is(target error) bool { return target == ErrInvalid }

// ConflictReason says why a write was refused.
type ConflictReason string

// The reasons of a [ConflictError].
const (
	// ConflictStale: the record has changed since the caller read it.
	ConflictStale ConflictReason = "stale_version"
	// ConflictExists: another record holds what must be unique.
	ConflictExists ConflictReason = "exists"
	// ConflictState: the record is not in a state that allows the operation.
	ConflictState ConflictReason = "state"
)

// ConflictError says what a write collided with. It is an [ErrConflict].
type ConflictError struct {
	Reason ConflictReason
	// ID is the record in the way, or zero when it is not known.
	ID ID
	// Version is the current version of the record, for ConflictStale.
	Version int64
	// Message is a sentence for people, with a way out.
	Message string
}

// Error returns the message.
func (e *ConflictError) Error() string {
	if e.Message != "" {
		return "conflict: " + e.Message
	}
	return "conflict: " + string(e.Reason)
}

// Is makes a ConflictError an [ErrConflict].
func (e *ConflictError) Is(target error) bool { return target == ErrConflict }

// IsStale reports whether err is a refused stale write.
func IsStale(err error) bool {
	var c *ConflictError
	return errors.As(err, &c) && c.Reason == ConflictStale
}

// problems collects broken rules.
type problems struct{ fields []FieldError }

func (p *problems) add(field, code, message string) {
	p.fields = append(p.fields, FieldError{Field: field, Code: code, Message: message})
}

func (p *problems) err() error {
	if len(p.fields) == 0 {
		return nil
	}
	return &ValidationError{Fields: p.fields}
}
