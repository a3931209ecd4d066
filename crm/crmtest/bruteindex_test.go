package crmtest_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/textindex"
)

// bruteIndex is an index that is meant to be obviously correct: every search
// goes through every document and applies the rules of the product one by one.
// Folding and splitting into words is all it shares with the built-in index.
type bruteIndex struct {
	mu   sync.RWMutex
	docs map[of[crm.ID]]document
	mark map[crm.WorkspaceID]crm.Position
	rules
}

// rules are the parts of the matching that a test can put another in place of.
type rules struct {
	fold     func(string) string
	typos    func(word string) int // How many are forgiven.
	distance func(query, word []rune) int
	infix    int // The shortest run that is found inside a word.
	phone    int // The shortest run of digits that finds a phone.
	prefixes func(word, words int) bool
	compare  func(a, b match) int
}

func correctRules() rules {
	return rules{
		fold: textindex.Fold, typos: forgiven, distance: typoDistance, infix: 4, phone: 4,
		prefixes: func(word, words int) bool { return word == words-1 },
		compare:  compareMatches,
	}
}

func newBruteIndex() *bruteIndex {
	return &bruteIndex{docs: map[of[crm.ID]]document{}, mark: map[crm.WorkspaceID]crm.Position{}, rules: correctRules()}
}

// document is a contact with what is searched of it.
type document struct {
	contact crm.Contact
	fields  []field
}

// field is one text of a contact. Rank 0 is the name, 1 email and company.
type field struct {
	rank   int
	whole  string
	words  []string
	infix  bool
	digits string
}

func (x *bruteIndex) words(s string) []string { return textindex.Words(x.fold(s)) }

func (x *bruteIndex) document(c crm.Contact) document {
	d := document{contact: copied(c)}
	text := func(rank int, infix bool, s string) {
		d.fields = append(d.fields, field{rank: rank, words: x.words(s), infix: infix})
	}
	text(0, true, c.DisplayName)
	text(0, true, c.GivenName)
	text(0, true, c.FamilyName)
	text(1, true, c.Company)
	text(2, false, c.Notes)
	for _, tag := range c.Tags {
		text(2, false, tag)
	}
	for _, e := range c.Emails {
		d.fields = append(d.fields, field{rank: 1, whole: x.fold(e.Address), words: x.words(e.Address), infix: true})
	}
	for _, p := range c.Phones {
		d.fields = append(d.fields, field{rank: 2, digits: digits(p.Number)}, field{rank: 2, digits: digits(p.E164)})
	}
	return d
}

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// The kinds of matches, best first.
const (
	exact = iota
	prefix
	typo
	inside
	none
)

func forgiven(word string) int {
	n := len([]rune(word))
	switch {
	case strings.ContainsAny(word, "0123456789") || n < 5:
		return 0
	case n < 9:
		return 1
	}
	return 2
}

// typoDistance counts inserted, deleted, replaced and swapped letters; a wrong
// first letter counts as two.
func typoDistance(query, word []rune) int {
	rows := make([][]int, len(query)+1)
	for i := range rows {
		rows[i] = make([]int, len(word)+1)
		for j := range rows[i] {
			first := 1
			if i <= 1 && j <= 1 {
				first = 2
			}
			switch {
			case i == 0 && j == 0:
			case i == 0:
				rows[i][j] = j + 1
			case j == 0:
				rows[i][j] = i + 1
			default:
				best := rows[i-1][j-1]
				if query[i-1] != word[j-1] {
					best += first
				}
				best = min(best, rows[i-1][j]+1, rows[i][j-1]+1)
				if i > 1 && j > 1 && query[i-1] == word[j-2] && query[i-2] == word[j-1] {
					best = min(best, rows[i-2][j-2]+1)
				}
				rows[i][j] = best
			}
		}
	}
	return rows[len(query)][len(word)]
}

// wordMatch says how a query word matches a word of a field.
func (x *bruteIndex) wordMatch(query, word string, infix, last bool) int {
	q, w := []rune(query), []rune(word)
	if query == word {
		return exact
	}
	if last && strings.HasPrefix(word, query) {
		return prefix
	}
	if isCJK(q) && strings.Contains(word, query) {
		return prefix
	}
	if most := x.typos(query); most > 0 {
		for n := len(q) - most; n <= min(len(q)+most, len(w)); n++ { // Other lengths are too far off.
			if (n == len(w) || last) && n > 0 && x.distance(q, w[:n]) <= most {
				return typo
			}
		}
	}
	if infix && len(q) >= x.infix && strings.Contains(word, query) {
		return inside
	}
	return none
}

// isCJK reports whether a word is of a script that is not cut into words. A
// folded Hangul syllable may be a row of Jamo.
func isCJK(word []rune) bool {
	r := word[0]
	return r >= 0x1100 && r <= 0x11ff || r >= 0x3040 && r <= 0x30ff || r >= 0x3400 && r <= 0x9fff || r >= 0xac00 && r <= 0xd7ff || r >= 0x20000 && r <= 0x3ffff
}

// fieldMatch says how a query word matches a field.
func (x *bruteIndex) fieldMatch(query string, f field, last bool) int {
	best := none
	for _, word := range f.words {
		best = min(best, x.wordMatch(query, word, f.infix, last))
	}
	if f.digits != "" && digits(query) == query {
		if query == f.digits {
			return exact
		}
		if len(query) >= x.phone && strings.Contains(f.digits, query) {
			best = min(best, inside)
		}
	}
	return best
}

// match is a document with how well it matches.
type match struct {
	Kind, Rank int
	Active     int64
	ID         crm.ID
	doc        document
}

func compareMatches(a, b match) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Rank, b.Rank), cmp.Compare(b.Active, a.Active), compareIDs(b.ID, a.ID))
}

// match matches all words of a query; false when one is missing. A whole email
// or phone number is best of all.
func (x *bruteIndex) match(text string, words []string, d document) (match, bool) {
	m := match{ID: d.contact.ID, Active: max(crm.Micros(d.contact.LastInteractionAt), crm.Micros(d.contact.CreatedAt)), doc: d}
	for _, f := range d.fields {
		if f.whole != "" && f.whole == strings.TrimSpace(x.fold(text)) {
			m.Kind = -1
			return m, true
		}
	}
	for i, word := range words {
		kind, rank := none, 0
		for _, f := range d.fields {
			k := x.fieldMatch(word, f, x.prefixes(i, len(words)))
			if k < kind || k == kind && f.rank < rank {
				kind, rank = k, f.rank
			}
		}
		if kind == none {
			return m, false
		}
		m.Kind += kind
		m.Rank += rank
	}
	return m, len(words) > 0
}

// queryWords splits a query; one that looks like a phone number is one word.
func (x *bruteIndex) queryWords(text string) []string {
	onlyPhone := strings.Trim(text, "0123456789 +-.()/") == ""
	if joined := digits(text); onlyPhone && len(joined) >= 4 {
		return []string{joined}
	}
	return x.words(text)
}

// all returns the matches, unordered.
func (x *bruteIndex) all(ws crm.WorkspaceID, q crm.SearchQuery) []match {
	x.mu.RLock()
	defer x.mu.RUnlock()
	where, words := q.Where, x.queryWords(q.Text)
	where.Words = nil
	var found []match
	for _, d := range mine(x.docs, ws) {
		m, ok := x.match(q.Text, words, d)
		if (ok || q.MatchAll) && meets(crm.NewContactWrite(d.contact, 0), where) {
			found = append(found, m)
		}
	}
	return found
}

func (x *bruteIndex) PutDocuments(_ context.Context, ws crm.WorkspaceID, docs []crm.SearchDocument) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, d := range docs {
		x.docs[of[crm.ID]{ws, d.Contact.ID}] = x.document(d.Contact)
	}
	return nil
}

func (x *bruteIndex) DeleteDocuments(_ context.Context, ws crm.WorkspaceID, contacts []crm.ID) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, id := range contacts {
		delete(x.docs, of[crm.ID]{ws, id})
	}
	return nil
}

// place is a position in an ordered result: everything it is ordered by.
type place struct {
	Order crm.SearchOrder
	Value []byte
	match
}

func (x *bruteIndex) comparePlaces(a, b place) int {
	if a.Order.By == "" {
		return x.compare(a.match, b.match)
	}
	order := cmp.Or(bytes.Compare(a.Value, b.Value), compareIDs(a.ID, b.ID))
	if a.Order.Desc {
		return -order
	}
	return order
}

func (x *bruteIndex) SearchContacts(_ context.Context, ws crm.WorkspaceID, q crm.SearchQuery) (crm.SearchResult, error) {
	if q.Offset+q.Limit > crm.MaxSearchWindow {
		return crm.SearchResult{}, fmt.Errorf("window: %w", crm.ErrTooLarge)
	}
	found := x.all(ws, q)
	places := make([]place, len(found))
	for i, m := range found {
		places[i] = place{Order: q.Order, Value: crm.SortValue(m.doc.contact, q.Order.By), match: m}
	}
	slices.SortFunc(places, x.comparePlaces)
	r := crm.SearchResult{Total: len(found), Exact: true, Facets: facetsOf(found, q.Facets)}
	if q.After != "" {
		var after place
		if err := json.Unmarshal([]byte(q.After), &after); err != nil {
			return r, crm.Invalid("cursor", crm.CodeInvalid, "must be a position")
		}
		places = slices.DeleteFunc(places, func(p place) bool { return x.comparePlaces(p, after) <= 0 })
	}
	for _, p := range firstOf(places[min(q.Offset, len(places)):], q.Limit) {
		position, err := json.Marshal(p)
		if err != nil {
			return r, fmt.Errorf("position: %w", err)
		}
		r.Hits = append(r.Hits, crm.SearchHit{Contact: p.ID, Version: p.doc.contact.Version, Position: string(position)})
	}
	return r, nil
}

func facetsOf(found []match, facets []crm.Facet) map[crm.Facet][]crm.FacetValue {
	all := map[crm.Facet][]crm.FacetValue{}
	for _, facet := range facets {
		counts := map[string]int{}
		for _, m := range found {
			for _, value := range facetValues(m.doc.contact, facet) {
				counts[value]++
			}
		}
		var values []crm.FacetValue
		for value, n := range counts {
			values = append(values, crm.FacetValue{Value: value, Count: n})
		}
		slices.SortFunc(values, func(a, b crm.FacetValue) int {
			return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Value, b.Value))
		})
		all[facet] = firstOf(values, 100)
	}
	return all
}

func facetValues(c crm.Contact, facet crm.Facet) []string {
	switch {
	case facet == crm.FacetStage:
		return []string{string(c.Stage)}
	case facet == crm.FacetSource:
		return []string{c.Source}
	case facet == crm.FacetCompany && c.Company != "":
		return []string{c.Company}
	case facet == crm.FacetTag:
		tags := map[string]bool{}
		for _, tag := range c.Tags {
			tags[crm.FoldKey(tag)] = true
		}
		return slices.Collect(maps.Keys(tags))
	}
	return nil
}

func (x *bruteIndex) MatchContacts(_ context.Context, ws crm.WorkspaceID, q crm.SearchQuery, after crm.ID, limit int) ([]crm.ID, error) {
	var ids []crm.ID
	for _, m := range x.all(ws, q) {
		if compareIDs(m.ID, after) > 0 {
			ids = append(ids, m.ID)
		}
	}
	slices.SortFunc(ids, compareIDs)
	return firstOf(ids, limit), nil
}

func (x *bruteIndex) ListVersions(_ context.Context, ws crm.WorkspaceID, after crm.ID, limit int) ([]crm.IndexedVersion, error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	var versions []crm.IndexedVersion
	for _, d := range mine(x.docs, ws) {
		if compareIDs(d.contact.ID, after) > 0 {
			versions = append(versions, crm.IndexedVersion{Contact: d.contact.ID, Version: d.contact.Version})
		}
	}
	slices.SortFunc(versions, func(a, b crm.IndexedVersion) int { return compareIDs(a.Contact, b.Contact) })
	return firstOf(versions, limit), nil
}

func (x *bruteIndex) DropWorkspace(_ context.Context, ws crm.WorkspaceID) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	maps.DeleteFunc(x.docs, func(key of[crm.ID], _ document) bool { return key.ws == ws })
	delete(x.mark, ws)
	return nil
}

func (x *bruteIndex) MarkIndexed(_ context.Context, ws crm.WorkspaceID, at crm.Position) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.mark[ws] = at
	return nil
}

func (x *bruteIndex) IndexStatus(_ context.Context, ws crm.WorkspaceID) (crm.IndexStatus, error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return crm.IndexStatus{Documents: len(mine(x.docs, ws)), Position: x.mark[ws]}, nil
}
