package crmtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/omnicrm/omnicrm/crm"
)

// bijection says which id of one side stands for which of the other.
type bijection struct{ to, from map[string]string }

func newBijection() *bijection { return &bijection{map[string]string{}, map[string]string{}} }

var (
	// anID is an id in a text.
	anID = regexp.MustCompile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
	// derived are values that come a moment later, by work in the background.
	derived = regexp.MustCompile(`"Score":(null|[0-9]+)`)
)

// noLists makes an empty list and none the same: no port tells them apart.
var noLists = strings.NewReplacer(":[]", ":null", ":{}", ":null")

// asText is what a history prints of an input.
func asText(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// sides are the two texts of an answer without derived values.
func sides(a, b any) (left, right string, err error) {
	var texts [2]string
	for n, v := range []any{a, b} {
		text, err := json.Marshal(v)
		if err != nil {
			return "", "", fmt.Errorf("encode an answer: %w", err)
		}
		texts[n] = noLists.Replace(derived.ReplaceAllString(string(text), ""))
	}
	return texts[0], texts[1], nil
}

// differ says how two answers differ, "" when they do not. Ids that are met for
// the first time at the same place stand for each other from then on.
func (m *bijection) differ(a, b any) string {
	left, right, err := sides(a, b)
	if err != nil {
		return err.Error()
	}
	if l, r := anID.ReplaceAllString(left, "#"), anID.ReplaceAllString(right, "#"); l != r {
		return fmt.Sprintf("\n%s\nand\n%s", excerpts(l, r), excerpts(r, l))
	}
	ids := anID.FindAllString(right, -1)
	for n, id := range anID.FindAllString(left, -1) {
		if !m.match(id, ids[n]) {
			return fmt.Sprintf("%s stands for %q, not %s, in\n%s\nand\n%s", id, m.to[id], ids[n], left, right)
		}
	}
	return ""
}

// match says whether two ids stand for each other. Ids that the test gave, such
// as the workspace's, are the same on both sides.
func (m *bijection) match(a, b string) bool {
	to, known := m.to[a]
	from, met := m.from[b]
	if !known && !met {
		m.to[a], m.from[b] = b, a
		return true
	}
	return known && met && to == b && from == a
}

// common names an id as both sides do, and is empty for one that was never met
// at the same place on both.
func (m *bijection) common(id crm.ID, side int) string {
	text := id.String()
	if side == 1 {
		text = m.from[text]
	}
	if m.to[text] == "" {
		return ""
	}
	return strings.ReplaceAll(text, "-", "") // Not to be taken for an id.
}

// excerpts cuts a text down to where it begins to differ from another.
func excerpts(text, other string) string {
	at := 0
	for at < len(text) && at < len(other) && text[at] == other[at] {
		at++
	}
	return "..." + text[max(0, at-200):min(len(text), at+400)]
}

// errorText is what two stores must agree on of an error.
func errorText(err error) string {
	var conflict *crm.ConflictError
	var invalid *crm.ValidationError
	switch {
	case err == nil:
		return "no error"
	case errors.As(err, &conflict):
		return "conflict: " + string(conflict.Reason)
	case errors.As(err, &invalid):
		fields := make([]string, len(invalid.Fields))
		for i, f := range invalid.Fields {
			fields[i] = f.Field + " " + f.Code
		}
		return "invalid: " + strings.Join(fields, ", ")
	}
	for _, known := range []error{crm.ErrNotFound, crm.ErrConflict, crm.ErrInvalid, crm.ErrForbidden, crm.ErrUnavailable, crm.ErrTooLarge} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return anotherError
}

// anotherError is what no port promises, such as a statement that fails: wrong
// also where both sides answer with one.
const anotherError = "another error"

// expected complains of an error that no port promises. Safe for parallel use.
func (h *history) expected(what string, side int, err error) {
	h.Helper()
	if errorText(err) == anotherError {
		h.Errorf("%s: side %d fails: %v", what, side, err)
	}
}
