package meilisearch

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"

	"github.com/omnicrm/omnicrm/crm"
)

// position is the place of a hit in an order.
type position struct {
	relevance crm.SearchRelevance
	number    int64  // the column, or what recency goes by
	key       string // as encodeKey gives it
	id        crm.ID
}

// orderSign tells the positions of one order from those of another.
func orderSign(o crm.SearchOrder) byte {
	sign := byte(1)
	for i, by := range crm.ContactSorts() {
		if by == o.By {
			sign = byte(2*i + 2)
			if o.Desc {
				sign++
			}
		}
	}
	return sign
}

const (
	positionVersion = 1
	positionHead    = 2 + 8 + 8 + 16
	positionSum     = 4
)

// encode returns the position as a text.
func (p position) encode(o crm.SearchOrder) string {
	b := []byte{positionVersion, orderSign(o)}
	b = binary.BigEndian.AppendUint64(b, uint64(p.relevance))
	b = binary.BigEndian.AppendUint64(b, uint64(p.number)) //nolint:gosec // Only moved.
	b = append(b, p.id[:]...)
	b = append(b, p.key...)
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	return base64.RawURLEncoding.EncodeToString(b)
}

// decodePosition is the inverse of encode; what it refuses was not made by it,
// or for another order.
func decodePosition(text string, o crm.SearchOrder) (*position, error) {
	if text == "" {
		return nil, nil //nolint:nilnil // No position is the start.
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) < positionHead+positionSum || b[0] != positionVersion || b[1] != orderSign(o) {
		return nil, badCursor()
	}
	body, sum := b[:len(b)-positionSum], binary.BigEndian.Uint32(b[len(b)-positionSum:])
	if crc32.ChecksumIEEE(body) != sum {
		return nil, badCursor()
	}
	p := &position{
		relevance: crm.SearchRelevance(binary.BigEndian.Uint64(body[2:])),
		number:    int64(binary.BigEndian.Uint64(body[10:])), //nolint:gosec // Only moved.
		key:       string(body[positionHead:]),
	}
	copy(p.id[:], body[18:])
	return p, nil
}

func badCursor() error {
	return crm.Invalid("cursor", crm.CodeInvalid, "must be a nextCursor of an earlier answer")
}
