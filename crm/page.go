package crm

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/fnv"
)

// Limits of pages.
const (
	DefaultPageSize = 25
	MaxPageSize     = 200
	MaxPage         = 100_000
)

// SortOrder is the direction of a list.
type SortOrder string

// The directions.
const (
	Ascending  SortOrder = "asc"
	Descending SortOrder = "desc"
)

// cursor is what a nextCursor carries: where the page ended, and a digest of
// the question it belongs to, so that it cannot be used with another.
type cursor struct {
	// Of is the digest of everything that decides order and content.
	Of uint32 `json:"q"`
	// Value and ID are the last row's sort value and id.
	Value []byte `json:"v,omitempty"`
	ID    ID     `json:"i,omitzero"`
	// Position is the last hit's position, in searches.
	Position string `json:"p,omitempty"`
}

func (c cursor) String() string {
	text, err := json.Marshal(c)
	if err != nil { // Bytes, numbers and strings always encode.
		return ""
	}
	return SealCursor(text)
}

// cursorSeal is how many bytes prove a cursor.
const cursorSeal = 8

// SealCursor makes a cursor of a position. The digest before it has no key: it
// shows that the position is one of ours and unchanged, and hides nothing.
// Nothing depends on more: a cursor says where to go on, not what may be seen.
func SealCursor(position []byte) string {
	return base64.RawURLEncoding.EncodeToString(append(sealOf(position), position...))
}

// OpenCursor returns the position in a cursor; false when it is none of ours.
func OpenCursor(text string) (position []byte, ok bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) < cursorSeal || !bytes.Equal(raw[:cursorSeal], sealOf(raw[cursorSeal:])) {
		return nil, false
	}
	return raw[cursorSeal:], true
}

func sealOf(position []byte) []byte {
	sum := sha256.Sum256(append([]byte("omnicrm cursor\x00"), position...))
	return sum[:cursorSeal]
}

// parseCursor reads a cursor of the question of. A forged one, or one of
// another question, is a *ValidationError of field "cursor".
func parseCursor(text string, of uint32) (cursor, error) {
	var c cursor
	raw, ok := OpenCursor(text)
	if !ok || json.Unmarshal(raw, &c) != nil || len(text) > 4_096 {
		return cursor{}, Invalid("cursor", CodeInvalid, "must be a nextCursor of an earlier answer; leave it out to begin at the start")
	}
	if c.Of != of {
		return cursor{}, Invalid("cursor", CodeInvalid, "belongs to a list with another search, filter, sort or order; leave it out to begin at the start")
	}
	return c, nil
}

// digest makes the Of of a cursor.
func digest(parts ...any) uint32 {
	h := fnv.New32a()
	for _, p := range parts {
		text, err := json.Marshal(p)
		if err != nil {
			text = fmt.Append(nil, p)
		}
		h.Write(text)
		h.Write([]byte{0})
	}
	return h.Sum32()
}
