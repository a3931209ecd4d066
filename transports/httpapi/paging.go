package httpapi

import (
	"strconv"
	"strings"

	"github.com/omnicrm/omnicrm/crm"
)

// The services page imports by id and rows by number; clients see cursors
// that name neither.

const (
	cursorImports = "i"
	cursorRows    = "r"
	cursorKept    = "k"
)

func makeCursor(kind, position string) string {
	return crm.SealCursor([]byte(kind + ":" + position))
}

// readCursor returns the position in a cursor of the kind.
func (c *call) readCursor(kind string) (string, error) {
	text := c.query.Get("cursor")
	if text == "" {
		return "", nil
	}
	raw, sealed := crm.OpenCursor(text)
	position, ok := strings.CutPrefix(string(raw), kind+":")
	if !sealed || !ok {
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

// page is a list in an answer. Where the length of a list is not kept, total
// counts what is known, exactly when the whole list is in the answer.
type page[T any] struct {
	Items         []T     `json:"items"`
	Total         int     `json:"total" doc:"How many there are, or at least are."`
	TotalRelation string  `json:"totalRelation" enum:"eq,gte"`
	NextCursor    *string `json:"nextCursor" doc:"Null on the last page."`
}

func pageOf[T any](c *call, items []T, next string) page[T] {
	p := wholeList(items)
	if next != "" {
		p.Total, p.NextCursor = len(items)+1, &next
	}
	if next != "" || c.query.Has("cursor") {
		p.TotalRelation = relationAtLeast
	}
	return p
}

func wholeList[T any](items []T) page[T] {
	return page[T]{Items: items, Total: len(items), TotalRelation: relationExact}
}

// countedPage is a page of a list whose length the service knows.
func countedPage[T any](items []T, next string, total int) page[T] {
	p := wholeList(items)
	p.Total = total
	if next != "" {
		p.NextCursor = &next
	}
	return p
}
