package crmtest_test

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/omnicrm/omnicrm/crm"
)

// breakRules returns an index with a rule of matching or ranking replaced.
func breakRules(change func(r *rules)) func() crm.SearchIndex {
	return func() crm.SearchIndex {
		x := newBruteIndex()
		change(&x.rules)
		return x
	}
}

// asking breaks the question or the answer of searches.
type asking struct {
	*bruteIndex
	query  func(q *crm.SearchQuery)
	answer func(q crm.SearchQuery, r *crm.SearchResult)
}

func (x asking) SearchContacts(ctx context.Context, ws crm.WorkspaceID, q crm.SearchQuery) (crm.SearchResult, error) {
	asked := q
	if x.query != nil {
		x.query(&q)
	}
	r, err := x.bruteIndex.SearchContacts(ctx, ws, q)
	if x.answer != nil {
		x.answer(asked, &r)
	}
	return r, err
}

func (x asking) MatchContacts(ctx context.Context, ws crm.WorkspaceID, q crm.SearchQuery, after crm.ID, limit int) ([]crm.ID, error) {
	if x.query != nil {
		x.query(&q)
	}
	return x.bruteIndex.MatchContacts(ctx, ws, q, after, limit)
}

func asks(query func(q *crm.SearchQuery)) func() crm.SearchIndex {
	return func() crm.SearchIndex { return asking{bruteIndex: newBruteIndex(), query: query} }
}

func answers(answer func(q crm.SearchQuery, r *crm.SearchResult)) func() crm.SearchIndex {
	return func() crm.SearchIndex { return asking{bruteIndex: newBruteIndex(), answer: answer} }
}

func matchingFaults() []fault {
	sameLetters := func(query, word []rune) int { // Damerau's distance with every letter alike.
		return typoDistance(append([]rune("aa"), query...), append([]rune("aa"), word...))
	}
	return []fault{
		{name: "a typo is forgiven in a short word", part: "matching", red: "shorter_words", index: breakRules(func(r *rules) {
			r.typos = func(word string) int {
				if len([]rune(word)) == 4 && !strings.ContainsAny(word, "0123456789") {
					return 1
				}
				return forgiven(word)
			}
		})},
		{name: "a typo is forgiven in digits", part: "matching", red: "digits", index: breakRules(func(r *rules) {
			r.typos = func(word string) int { return forgiven(strings.Repeat("a", len([]rune(word)))) }
		})},
		{name: "two typos are forgiven in eight letters", part: "matching", red: "one_typo", index: breakRules(func(r *rules) {
			r.typos = func(word string) int { return min(2*forgiven(word), 2) }
		})},
		{name: "one typo is forgiven in nine letters", part: "matching", red: "one_typo", index: breakRules(func(r *rules) {
			r.typos = func(word string) int { return min(1, forgiven(word)) }
		})},
		{name: "no typo is forgiven", part: "matching", red: "one_typo", index: breakRules(func(r *rules) { r.typos = func(string) int { return 0 } })},
		{name: "a wrong first letter is one typo", part: "matching", red: "first_letter", index: breakRules(func(r *rules) { r.distance = sameLetters })},
		{name: "a swap of neighbours is two typos", part: "matching", red: "one_typo", index: breakRules(func(r *rules) { r.distance = withoutSwaps })},
		{name: "accents matter", part: "matching", red: "case_and_accents", index: breakRules(func(r *rules) {
			fold := r.fold
			r.fold = func(s string) string { return fold(strings.NewReplacer("ë", "q", "Ë", "q").Replace(s)) }
		})},
		{name: "ł is not l", part: "matching", red: "case_and_accents", index: breakRules(func(r *rules) {
			fold := r.fold
			r.fold = func(s string) string { return fold(strings.NewReplacer("Ł", "w", "ł", "w").Replace(s)) }
		})},
		{name: "apostrophes separate", part: "matching", red: "apostrophes", index: breakRules(func(r *rules) {
			fold := r.fold
			r.fold = func(s string) string { return fold(strings.NewReplacer("’", " ", "'", " ").Replace(s)) }
		})},
		{name: "hyphens join", part: "matching", red: "apostrophes", index: breakRules(func(r *rules) {
			fold := r.fold
			r.fold = func(s string) string { return fold(strings.ReplaceAll(s, "-", "")) }
		})},
		{name: "every word matches as a prefix", part: "matching", red: "the_last_word", index: breakRules(func(r *rules) {
			r.prefixes = func(int, int) bool { return true }
		})},
		{name: "no word matches as a prefix", part: "matching", red: "the_last_word", index: breakRules(func(r *rules) {
			r.prefixes = func(int, int) bool { return false }
		})},
		{name: "three letters inside a word find it", part: "matching", red: "a_run_of_four", index: breakRules(func(r *rules) { r.infix = 3 })},
		{name: "nothing inside a word finds it", part: "matching", red: "a_run_of_four", index: breakRules(func(r *rules) { r.infix = 1 << 20 })},
		{name: "three digits find a phone", part: "matching", red: "four_digits", index: breakRules(func(r *rules) { r.phone = 3 })},
		{name: "only five digits find a phone", part: "matching", red: "four_digits", index: breakRules(func(r *rules) { r.phone = 5 })},
		{name: "the last words are dropped when nothing matches", part: "matching", red: "all_words_must", index: asks(func(q *crm.SearchQuery) {
			q.Text = strings.TrimSuffix(q.Text, " zzzqqq")
		})},
		{name: "a query without words finds everything", part: "matching", red: "without_words", index: asks(func(q *crm.SearchQuery) {
			q.MatchAll = q.MatchAll || strings.TrimSpace(q.Text) == ""
		})},
	}
}

// withoutSwaps is the distance of Levenshtein.
func withoutSwaps(query, word []rune) int {
	row := make([]int, len(word)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(query); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(word); j++ {
			cost := diagonal
			if query[i-1] != word[j-1] {
				cost++
			}
			diagonal = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(word)]
}

func rankingFaults() []fault {
	by := func(name, red string, compare func(a, b match) int) fault {
		return fault{name: name, part: "ranking", red: red, index: breakRules(func(r *rules) { r.compare = compare })}
	}
	return []fault{
		by("the kind of match does not count", "exact_comes_before", func(a, b match) int { a.Kind, b.Kind = 0, 0; return compareMatches(a, b) }),
		by("the field counts before the kind", "the_kind_of_match", func(a, b match) int {
			if a.Rank != b.Rank {
				return a.Rank - b.Rank
			}
			return compareMatches(a, b)
		}),
		by("the field does not count", "name_comes_before_email", func(a, b match) int { a.Rank, b.Rank = 0, 0; return compareMatches(a, b) }),
		by("the less recently active comes first", "among_equals", func(a, b match) int { a.Active, b.Active = b.Active, a.Active; return compareMatches(a, b) }),
		by("the id counts before the activity", "among_equals", func(a, b match) int {
			if a.Kind == b.Kind && a.Rank == b.Rank {
				return compareIDs(b.ID, a.ID)
			}
			return compareMatches(a, b)
		}),
		{name: "a whole email counts like its words", part: "ranking", red: "a_whole_email", index: asks(func(q *crm.SearchQuery) { q.Text = strings.ReplaceAll(q.Text, "@", " ") })},
		{name: "hits are not ordered by the sort key", part: "filters", red: "any_sort_key", index: asks(func(q *crm.SearchQuery) {
			if q.Order.By == crm.SortScore {
				q.Order.By = crm.SortCreatedAt
			}
		})},
		{name: "the direction of the order is ignored", part: "filters", red: "any_sort_key", index: asks(func(q *crm.SearchQuery) { q.Order.Desc = false })},
	}
}

func answerFaults() []fault {
	return []fault{
		{name: "the position in the log only grows", part: "documents", red: "position_noted_last", index: marks(func(x *bruteIndex, ws crm.WorkspaceID, at crm.Position) {
			x.mark[ws] = max(x.mark[ws], at)
		})},
		{name: "one position stands for all workspaces", part: "tenancy", red: "MarkIndexed", index: marks(func(x *bruteIndex, ws crm.WorkspaceID, at crm.Position) {
			x.mark[ws] = at
			for other := range x.mark {
				x.mark[other] = at
			}
		})},
		{name: "the stage filter is ignored", part: "filters", red: "each_criterion", index: asks(func(q *crm.SearchQuery) { q.Where.Stages = nil })},
		{name: "all tags is taken for any in a search", part: "filters", red: "each_criterion", index: asks(func(q *crm.SearchQuery) { q.Where.AllTags = false })},
		{name: "filters are ignored beside a text", part: "filters", red: "and_the_text_as_well", index: asks(func(q *crm.SearchQuery) {
			if !q.MatchAll {
				q.Where = crm.ContactCriteria{}
			}
		})},
		{name: "the total counts the page", part: "paging", red: "hold_every_hit_once", index: answers(func(_ crm.SearchQuery, r *crm.SearchResult) { r.Total = len(r.Hits) })},
		{name: "facets count the page", part: "facets", red: "not_the_page", index: answers(func(q crm.SearchQuery, r *crm.SearchResult) {
			for facet, values := range r.Facets {
				for i := range values {
					values[i].Count = min(values[i].Count, q.Limit)
				}
				r.Facets[facet] = values
			}
		})},
		{name: "facets are ordered by value", part: "facets", red: "not_the_page|hundred", index: answers(func(_ crm.SearchQuery, r *crm.SearchResult) {
			for _, values := range r.Facets {
				slices.SortFunc(values, func(a, b crm.FacetValue) int { return strings.Compare(a.Value, b.Value) })
			}
		})},
		{name: "the position is ignored", part: "paging", red: "hold_every_hit_once", index: asks(func(q *crm.SearchQuery) { q.After = "" })},
		{name: "the offset of a search is ignored", part: "paging", red: "hold_every_hit_once", index: asks(func(q *crm.SearchQuery) { q.Offset = 0 })},
		{name: "the last hit of a page is lost", part: "paging", red: "hold_every_hit_once", index: answers(func(q crm.SearchQuery, r *crm.SearchResult) {
			if n := len(r.Hits); n == q.Limit && n > 1 && q.After != "" {
				r.Hits[n-2] = r.Hits[n-1]
			}
		})},
		{name: "a forged position is taken for the start", part: "paging", red: "forged", index: asks(func(q *crm.SearchQuery) {
			if !strings.HasPrefix(q.After, "{") {
				q.After = ""
			}
		})},
		{name: "the window has no end", part: "paging", red: "beyond_the_window_are_refused", index: asks(func(q *crm.SearchQuery) { q.Offset = min(q.Offset, crm.MaxSearchWindow-q.Limit) })},
		{name: "matches end with the window", part: "paging", red: "all_matches_are_listed", index: func() crm.SearchIndex { return windowed{newBruteIndex()} }},
		{name: "a deleted document is still found", part: "documents", red: "a_deleted_document", index: func() crm.SearchIndex { return &lingering{bruteIndex: newBruteIndex(), gone: map[crm.ID]bool{}} }},
		{name: "a replaced document is found by its old words", part: "documents", red: "replaces_it_wholly", index: func() crm.SearchIndex { return merging{newBruteIndex()} }},
		{name: "a search sees every workspace", part: "tenancy", red: "another_workspace", index: func() crm.SearchIndex { return shared{newBruteIndex()} }},
		{name: "a delete reaches every workspace", part: "tenancy", red: "another_workspace", index: func() crm.SearchIndex { return sweeping{newBruteIndex()} }},
		{name: "the version of a document is lost", part: "documents", red: "versions_are_listed", index: answers(func(_ crm.SearchQuery, r *crm.SearchResult) {
			for i := range r.Hits {
				r.Hits[i].Version = 1
			}
		})},
	}
}

type (
	windowed struct{ *bruteIndex }
	merging  struct{ *bruteIndex }
	shared   struct{ *bruteIndex }
	sweeping struct{ *bruteIndex }
)

func (x windowed) MatchContacts(ctx context.Context, ws crm.WorkspaceID, q crm.SearchQuery, after crm.ID, limit int) ([]crm.ID, error) {
	ids, err := x.bruteIndex.MatchContacts(ctx, ws, q, crm.ID{}, crm.MaxSearchWindow)
	ids = slices.DeleteFunc(ids, func(id crm.ID) bool { return compareIDs(id, after) <= 0 })
	return firstOf(ids, limit), err
}

// lingering forgets a deleted document in its list of versions only.
type lingering struct {
	*bruteIndex
	gone map[crm.ID]bool
}

func (x *lingering) DeleteDocuments(_ context.Context, _ crm.WorkspaceID, contacts []crm.ID) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, id := range contacts {
		x.gone[id] = true
	}
	return nil
}

func (x *lingering) ListVersions(ctx context.Context, ws crm.WorkspaceID, after crm.ID, limit int) ([]crm.IndexedVersion, error) {
	versions, err := x.bruteIndex.ListVersions(ctx, ws, after, limit)
	x.mu.RLock()
	defer x.mu.RUnlock()
	return slices.DeleteFunc(versions, func(v crm.IndexedVersion) bool { return x.gone[v.Contact] }), err
}

func (x merging) PutDocuments(ctx context.Context, ws crm.WorkspaceID, docs []crm.SearchDocument) error {
	old := map[crm.ID][]field{}
	x.mu.RLock()
	for _, d := range docs {
		old[d.Contact.ID] = x.docs[of[crm.ID]{ws, d.Contact.ID}].fields
	}
	x.mu.RUnlock()
	if err := x.bruteIndex.PutDocuments(ctx, ws, docs); err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for id, fields := range old {
		d := x.docs[of[crm.ID]{ws, id}]
		d.fields = append(d.fields, fields...)
		x.docs[of[crm.ID]{ws, id}] = d
	}
	return nil
}

// SearchContacts answers from the first workspace that has a match.
func (x shared) SearchContacts(ctx context.Context, ws crm.WorkspaceID, q crm.SearchQuery) (crm.SearchResult, error) {
	r, err := x.bruteIndex.SearchContacts(ctx, ws, q)
	x.mu.RLock()
	var others []crm.WorkspaceID
	for key := range x.docs {
		others = append(others, key.ws)
	}
	x.mu.RUnlock()
	for _, other := range others {
		if r.Total == 0 && err == nil {
			r, err = x.bruteIndex.SearchContacts(ctx, other, q)
		}
	}
	return r, err
}

func (x sweeping) DeleteDocuments(_ context.Context, _ crm.WorkspaceID, contacts []crm.ID) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	for key := range x.docs {
		if slices.Contains(contacts, key.id) {
			delete(x.docs, key)
		}
	}
	return nil
}

// marking breaks where the index says it stands in the log.
type marking struct {
	*bruteIndex
	mark func(x *bruteIndex, ws crm.WorkspaceID, at crm.Position)
}

func (x marking) MarkIndexed(_ context.Context, ws crm.WorkspaceID, at crm.Position) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.mark(x.bruteIndex, ws, at)
	return nil
}

func marks(mark func(x *bruteIndex, ws crm.WorkspaceID, at crm.Position)) func() crm.SearchIndex {
	return func() crm.SearchIndex { return marking{newBruteIndex(), mark} }
}

// lossy is the built-in format with a writer that damages.
type lossy struct {
	crm.JSONLines
	damage func(c *crm.Contact)
	open   func(w io.Writer) io.Writer
}

func (f lossy) NewWriter(w io.Writer) (crm.ContactWriter, error) {
	if f.open != nil {
		w = f.open(w)
	}
	inner, err := f.JSONLines.NewWriter(w)
	return lossyWriter{inner, f.damage}, err
}

type lossyWriter struct {
	crm.ContactWriter
	damage func(c *crm.Contact)
}

func (w lossyWriter) WriteContact(c crm.Contact) error {
	if w.damage != nil {
		c = copied(c)
		w.damage(&c)
	}
	return w.ContactWriter.WriteContact(c)
}

// deaf hides the failures of a destination.
type deaf struct{ io.Writer }

func (d deaf) Write(p []byte) (int, error) {
	_, _ = d.Writer.Write(p)
	return len(p), nil
}

func formatFaults() []fault {
	loses := func(name, red string, damage func(c *crm.Contact)) fault {
		return fault{name: name, red: red, format: func() crm.Format { return lossy{damage: damage} }}
	}
	return []fault{
		loses("an export loses labels", "comes_back_exactly", func(c *crm.Contact) {
			for i := range c.Emails {
				c.Emails[i].Label = ""
			}
		}),
		loses("an export keeps three phones", "comes_back_exactly", func(c *crm.Contact) { c.Phones = firstOf(c.Phones, 3) }),
		loses("an export marks formulas", "comes_back_exactly", func(c *crm.Contact) {
			if strings.HasPrefix(c.Company, "=") {
				c.Company = "'" + c.Company
			}
		}),
		loses("an export writes numbers as text", "comes_back_exactly", func(c *crm.Contact) {
			if c.Fields["tenth"] != nil {
				c.Fields["tenth"] = "0.1"
			}
		}),
		{name: "an export hides that the disk is full", red: "a_destination_that_breaks", format: func() crm.Format {
			return lossy{open: func(w io.Writer) io.Writer { return deaf{w} }}
		}},
	}
}
