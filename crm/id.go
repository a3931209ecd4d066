package crm

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/google/uuid"
)

// ID names one record. New ones are UUIDv7 (RFC 9562), so that ids made later
// sort after ids made earlier; the zero ID means "none". An ID is comparable
// and safe as a map key.
type ID [16]byte

// WorkspaceID names a workspace. It is a type of its own, and not an [ID], so
// that no record's id can be passed where a workspace belongs: the scope of
// every call stands in its signature.
type WorkspaceID ID

// NewID returns a fresh UUIDv7. Ids made in one process are strictly
// increasing, also inside one millisecond. It is the default of [Config.NewID].
func NewID() ID {
	id, err := uuid.NewV7()
	if err != nil { // The system's random source failed: no id is safe to give out.
		panic(fmt.Errorf("make id: %w", err))
	}
	return ID(id)
}

// NamedID returns the id that belongs to a name of the embedding program, for
// instance NamedID("customer:42"). The same name always gives the same id, and
// names cannot be told from ids. Use it to map a host's own keys to users and
// workspaces:
//
//	actor := crm.Actor{Workspace: crm.WorkspaceID(crm.NamedID("customer:42")), Role: crm.RoleOwner}
func NamedID(name string) ID {
	sum := sha256.Sum256([]byte("omnicrm:" + name))
	var id ID
	copy(id[:], sum[:16])
	id[6] = id[6]&0x0f | 0x80 // UUIDv8: the bits are ours (RFC 9562, 5.8).
	id[8] = id[8]&0x3f | 0x80
	return id
}

// ParseID reads the canonical 36-character form, in any case. Anything else is
// a [*ValidationError] of field "id".
func ParseID(s string) (ID, error) {
	if len(s) != 36 {
		return ID{}, invalidID("id")
	}
	u, err := uuid.Parse(s)
	if err != nil {
		return ID{}, invalidID("id")
	}
	return ID(u), nil
}

func invalidID(field string) error {
	return Invalid(field, CodeInvalid, "must be a UUID such as 0190d3c1-7d3a-7f00-8000-000000000000")
}

// IsZero reports whether the id is absent.
func (id ID) IsZero() bool { return id == ID{} }

// String returns the canonical form: 36 characters, lower case.
func (id ID) String() string { return uuid.UUID(id).String() }

// MarshalText writes the canonical form.
func (id ID) MarshalText() ([]byte, error) { return uuid.UUID(id).MarshalText() }

// UnmarshalText reads the canonical form.
func (id *ID) UnmarshalText(text []byte) error {
	parsed, err := ParseID(string(text))
	if err != nil {
		return err
	}
	*id = parsed
	return nil
}

// IsZero reports whether the workspace is absent.
func (w WorkspaceID) IsZero() bool { return w == WorkspaceID{} }

// String returns the canonical form: 36 characters, lower case.
func (w WorkspaceID) String() string { return ID(w).String() }

// MarshalText writes the canonical form.
func (w WorkspaceID) MarshalText() ([]byte, error) { return ID(w).MarshalText() }

// UnmarshalText reads the canonical form.
func (w *WorkspaceID) UnmarshalText(text []byte) error { return (*ID)(w).UnmarshalText(text) }

// fingerprintOf returns the first 128 bits of SHA-256 over the parts, each
// ended by a zero byte: enough that a billion rows collide with a probability
// below 1e-20.
func fingerprintOf(parts ...string) Fingerprint {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(p))
		h.Write([]byte{0})
	}
	var f Fingerprint
	copy(f[:], h.Sum(nil))
	return f
}

// Fingerprint identifies the content of an imported row.
type Fingerprint [16]byte

// String returns the fingerprint in hexadecimal.
func (f Fingerprint) String() string { return hex.EncodeToString(f[:]) }
