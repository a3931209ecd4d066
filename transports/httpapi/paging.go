package httpapi

import (
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/omnicrm/omnicrm/crm"
)

// The services page imports by id and rows by number; clients see cursors
// that name neither.

const (
	cursorImports = "i"
	cursorRows    = "r"
)

func makeCursor(kind, position string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(kind + ":" + position))
}

// readCursor returns the position in a cursor of the kind.
func (c *call) readCursor(kind string) (string, error) {
	text := c.query.Get("cursor")
	if text == "" {
		return "", nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	position, ok := strings.CutPrefix(string(raw), kind+":")
	if err != nil || !ok {
		return "", badCursor()
	}
	return position, nil
}

func badCursor() error {
	return &placeError{code: codeInvalidQuery, err: crm.Invalid("cursor", crm.CodeInvalid,
		"must be a nextCursor of an earlier answer; leave it out to begin at the start")}
}

// cursorID is the position of lists by id, zero for the start.
func (c *call) cursorID(kind string) (crm.ID, error) {
	position, err := c.readCursor(kind)
	if position == "" || err != nil {
		return crm.ID{}, err
	}
	id, err := crm.ParseID(position)
	if err != nil {
		return crm.ID{}, badCursor()
	}
	return id, nil
}

// cursorNumber is the position of lists by number, 0 for the start.
func (c *call) cursorNumber(kind string) (int64, error) {
	position, err := c.readCursor(kind)
	if position == "" || err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(position, 10, 64)
	if err != nil || n < 1 {
		return 0, badCursor()
	}
	return n, nil
}

// pageInfo ends the envelope of lists whose length is not kept: total counts
// what is known, exactly when the whole list is in the answer.
type pageInfo struct {
	Total         int     `json:"total" doc:"How many there are, or at least are."`
	TotalRelation string  `json:"totalRelation" enum:"eq,gte"`
	NextCursor    *string `json:"nextCursor" doc:"Null on the last page."`
}

func (c *call) pageInfo(items int, next string) pageInfo {
	p := pageInfo{Total: items, TotalRelation: relationExact}
	if next != "" {
		p.Total, p.NextCursor = items+1, &next
	}
	if next != "" || c.query.Has("cursor") {
		p.TotalRelation = relationAtLeast
	}
	return p
}

func wholeList(items int) pageInfo { return pageInfo{Total: items, TotalRelation: relationExact} }

// filledPage is pageInfo for lists that cannot look past their page: a full
// page promises a next one, which may be empty.
func (c *call) filledPage(items int, next string) pageInfo {
	p := c.pageInfo(items, next)
	p.Total = items
	return p
}
