package meilisearch

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/omnicrm/omnicrm/crm"
)

// Filters are texts in the server's language. Every value that goes into one is
// a number, an id, or was encoded or folded to letters and digits; quote escapes
// all the same.

func quote(value string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
}

func equals(attr, value string) string { return attr + " = " + quote(value) }

func startsWith(attr, value string) string { return attr + " STARTS WITH " + quote(value) }

func oneOf(attr string, values []string) string {
	if len(values) == 1 {
		return equals(attr, values[0])
	}
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = quote(v)
	}
	return attr + " IN [" + strings.Join(quoted, ", ") + "]"
}

func compare(attr, operator string, value int64) string {
	return attr + " " + operator + " " + strconv.FormatInt(value, 10)
}

// everything is a filter that keeps all documents of a workspace.
const everything = ""

func and(filters ...string) string { return join(" AND ", filters) }

func or(filters ...string) string { return join(" OR ", filters) }

func join(operator string, filters []string) string {
	var kept []string
	for _, f := range filters {
		if f != everything {
			kept = append(kept, f)
		}
	}
	if len(kept) < 2 {
		return strings.Join(kept, "")
	}
	return "(" + strings.Join(kept, operator) + ")"
}

func not(filter string) string { return "NOT (" + filter + ")" }

// ofWorkspace keeps the documents of a workspace. Every request begins with it.
func ofWorkspace(ws crm.WorkspaceID) string { return equals(attrWorkspace, ws.String()) }

// conditions is what a query asks besides its words.
func conditions(ws crm.WorkspaceID, q crm.SearchQuery) string {
	asked := crm.SearchConditions(q)
	filters := []string{ofWorkspace(ws)}
	for _, group := range asked.Terms {
		encoded := make([]string, len(group))
		for i, t := range group {
			encoded[i] = encodeTerm(t)
		}
		filters = append(filters, oneOf(attrTerms, encoded))
	}
	for _, r := range asked.Ranges {
		attr := columnAttrs[r.Column]
		// An absent number is the smallest.
		filters = append(filters, compare(attr, ">=", max(exactly(r.From), exactly(math.MinInt64)+1)))
		if r.To != math.MaxInt64 {
			filters = append(filters, compare(attr, "<", exactly(r.To)))
		}
	}
	return and(filters...)
}

// step is a number that documents are ordered by.
type step struct {
	attr  string
	value int64
	desc  bool
}

// beyond keeps the documents that come after the numbers in their order.
func beyond(steps ...step) string {
	filter := ""
	for _, s := range slices.Backward(steps) {
		operator := ">"
		if s.desc {
			operator = "<"
		}
		here := compare(s.attr, operator, s.value)
		if filter != "" {
			here = or(here, and(compare(s.attr, "=", s.value), filter))
		}
		filter = here
	}
	return filter
}

// same keeps the documents with the numbers.
func same(steps ...step) string {
	filters := make([]string, len(steps))
	for i, s := range steps {
		filters[i] = compare(s.attr, "=", s.value)
	}
	return and(filters...)
}

func idSteps(id crm.ID, desc bool) []step {
	numbers := idNumbers(id)
	steps := make([]step, len(numbers))
	for i, n := range numbers {
		steps[i] = step{idAttrs[i], n, desc}
	}
	return steps
}

// sortBy returns the server's words for an order by attributes.
func sortBy(desc bool, attrs ...string) []string {
	direction := ":asc"
	if desc {
		direction = ":desc"
	}
	out := make([]string, len(attrs))
	for i, a := range attrs {
		out[i] = a + direction
	}
	return out
}
