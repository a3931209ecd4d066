package postgres

import (
	"crypto/sha256"
	"database/sql/driver"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/lib/pq"

	"github.com/omnicrm/omnicrm/crm"
)

// nowMicros is the database's own clock in microseconds. As a query of its own
// it is asked once a statement, and may bound an index.
const nowMicros = "(SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS bigint))"

// noID is the nil UUID, which stands for "none", as text of a statement.
const noID = "'00000000-0000-0000-0000-000000000000'"

// uuidText is how Postgres writes a UUID.
const uuidText = 36

// idColumn scans a UUID.
type idColumn [16]byte

// Scan implements sql.Scanner. NULL is the zero id.
func (c *idColumn) Scan(src any) error {
	var text []byte
	switch v := src.(type) {
	case nil:
		*c = idColumn{}
		return nil
	case []byte:
		text = v
	case string:
		text = []byte(v)
	}
	if len(text) == len(c) {
		copy(c[:], text)
		return nil
	}
	if len(text) != uuidText {
		return fmt.Errorf("scan id: got %T of %d bytes", src, len(text))
	}
	var packed [32]byte
	n := 0
	for i, b := range text {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			continue
		}
		packed[n] = b
		n++
	}
	if _, err := hex.Decode(c[:], packed[:]); err != nil {
		return fmt.Errorf("scan id: %w", err)
	}
	return nil
}

// timeColumn scans microseconds.
type timeColumn time.Time

// Scan implements sql.Scanner.
func (c *timeColumn) Scan(src any) error {
	n, ok := src.(int64)
	if !ok {
		return fmt.Errorf("scan time: got %T", src)
	}
	*c = timeColumn(crm.FromMicros(n))
	return nil
}

func scanID(id *crm.ID) *idColumn                 { return (*idColumn)(id) }
func scanWorkspace(ws *crm.WorkspaceID) *idColumn { return (*idColumn)(ws) }
func scanTime(t *time.Time) *timeColumn           { return (*timeColumn)(t) }

// uuidOf is an id as an argument; the zero id is the nil UUID.
func uuidOf[T ~[16]byte](id T) string {
	var b [uuidText]byte
	appendUUID(b[:0], id)
	return string(b[:])
}

func appendUUID[T ~[16]byte](dst []byte, id T) []byte {
	for i, part := range [][]byte{id[:4], id[4:6], id[6:8], id[8:10], id[10:]} {
		if i > 0 {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, part)
	}
	return dst
}

// uuidArray is a list of ids as one argument, and scans one.
type uuidArray[T ~[16]byte] []T

// uuidsOf is a list of ids as one argument, for "= ANY(?)".
func uuidsOf[T ~[16]byte](ids []T) uuidArray[T] { return ids }

// Value implements driver.Valuer.
func (a uuidArray[T]) Value() (driver.Value, error) {
	b := make([]byte, 0, 2+len(a)*(uuidText+1))
	b = append(b, '{')
	for i, id := range a {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendUUID(b, id)
	}
	return string(append(b, '}')), nil
}

// Scan implements sql.Scanner. An empty list is nil.
func (a *uuidArray[T]) Scan(src any) error {
	var texts pq.StringArray
	if err := texts.Scan(src); err != nil {
		return fmt.Errorf("scan ids: %w", err)
	}
	*a = nil
	for _, text := range texts {
		var id idColumn
		if err := id.Scan(text); err != nil {
			return err
		}
		*a = append(*a, T(id))
	}
	return nil
}

// textsOf is a list of strings as one argument, for "= ANY(?)".
func textsOf[T ~string](list []T) pq.StringArray {
	texts := make(pq.StringArray, len(list))
	for i, s := range list {
		texts[i] = string(s)
	}
	return texts
}

// maxKey is how many bytes of a key an index entry holds; a btree refuses more
// than 2,704 in all.
const maxKey = 200

// keyValue is a contact's key as an argument. Keys may hold NUL, which text of
// Postgres may not.
func keyValue(key string) []byte {
	if len(key) <= maxKey {
		return []byte(key)
	}
	digest := sha256.Sum256([]byte(key))
	return append([]byte(key[:maxKey]), digest[:]...)
}

// keyValues are keys as one argument, for "= ANY(?)".
func keyValues(keys []string) pq.ByteaArray {
	values := make(pq.ByteaArray, len(keys))
	for i, key := range keys {
		values[i] = keyValue(key)
	}
	return values
}

// cleanText is text as Postgres takes it: without NUL, and valid UTF-8.
func cleanText(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "\uFFFD")
}

func exactTexts[T ~string](list []T) pq.StringArray {
	texts := make(pq.StringArray, len(list))
	for i, s := range list {
		texts[i] = exactText(string(s))
	}
	return texts
}
