package crm

import "github.com/omnicrm/omnicrm/crm/textindex"

// An index kept by a service finds and orders as the built-in one does when it is
// built on these, which are those of package crm/textindex.
type (
	// SearchPlan is a query text, read.
	SearchPlan = textindex.Plan
	// SearchPart is what of it has to match by itself.
	SearchPart = textindex.PlanPart
	// SearchWord is a word of a part.
	SearchWord = textindex.PlanWord
	// SearchContents is what a contact says.
	SearchContents = textindex.Contents
	// SearchSaid is a word that a contact says.
	SearchSaid = textindex.ContentWord
	// SearchWhole is an address or a number of a contact.
	SearchWhole = textindex.ContentWhole
	// SearchRelevance says how well a contact matches, the smaller the better.
	SearchRelevance = textindex.Relevance
	// SearchCondition is what a query asks of a contact besides its words: Terms
	// and Ranges.
	SearchCondition = textindex.Query
)

// The ranks of the fields of a contact. Words of the name, the email addresses
// and the company are also found by what stands inside them, words of the rest
// (phones, tags and notes) are not.
const (
	SearchRankName  = int(rankName)
	SearchRankReach = int(rankReach)
	SearchRankRest  = int(rankRest)
)

// SearchRecency is the number of a document by which equally good matches are
// ordered, the larger one first.
const SearchRecency = columnActive

// PlanSearch reads a query text.
func PlanSearch(text string) SearchPlan { return textindex.NewPlan(text) }

// SearchEntry is a contact as an index keeps it.
type SearchEntry struct {
	Contents SearchContents
	// Terms are exact attributes, Numbers the columns that ranges and orders name.
	Terms   []string
	Numbers []int64
	// SortKey orders by display name, compared by bytes.
	SortKey string
}

// ReadSearchEntry returns what an index keeps of a contact.
func ReadSearchEntry(c *Contact) SearchEntry {
	p := documentPages.Get().(*documentPage) //nolint:forcetypeassert // The pool holds nothing else.
	defer p.release()
	p.add(c)
	d := &p.docs[0]
	return SearchEntry{
		Contents: textindex.Read(d),
		Terms:    append([]string(nil), d.Terms...),
		Numbers:  append([]int64(nil), d.Numbers...),
		SortKey:  d.SortKey,
	}
}

// SearchConditions returns what a query asks of a document's terms and numbers:
// one term of each group, and each number within its range. The column of its
// Order is the number that hits are ordered by, unless they are ordered by
// relevance or display name.
func SearchConditions(q SearchQuery) SearchCondition { return indexQuery(q) }

// FacetTerm is what the terms of a facet begin with.
func FacetTerm(f Facet) string { return facetPrefix(f) }

// NewSearchRelevance returns the relevance of one match: its wholeness, class,
// typos and rank, see package crm/textindex.
func NewSearchRelevance(wholeness, class, typos, rank int) SearchRelevance {
	return textindex.NewRelevance(wholeness, class, typos, rank)
}

// The ways in which a word matches, best first.
const (
	SearchExact  = textindex.ClassExact
	SearchPrefix = textindex.ClassPrefix
	SearchTypo   = textindex.ClassTypo
	SearchInside = textindex.ClassInside
)

// SearchRunFrom is how many digits are found anywhere in a phone number,
// SearchInsideFrom how many characters anywhere in a word.
const (
	SearchRunFrom    = textindex.RunFrom
	SearchInsideFrom = textindex.InsideFrom
)

// MaxFacetValues is how many values of a facet are counted out.
const MaxFacetValues = maxFacetValues

// IsSearchRun reports whether a folded word is a run of Han, Kana or Hangul,
// which is found by any part of it.
func IsSearchRun(word string) bool { return textindex.IsRun(word) }
