package crm

import "context"

// SearchDocument is what a search index knows of a contact.
type SearchDocument struct {
	Contact Contact
}

// SearchOrder is how hits are ordered.
type SearchOrder struct {
	// By is "" for relevance, else a sort key as in a list.
	By   ContactSort
	Desc bool
}

// Facet is what hits are counted by.
type Facet string

// The facets.
const (
	FacetStage   Facet = "stage"
	FacetTag     Facet = "tag"
	FacetSource  Facet = "source"
	FacetCompany Facet = "company"
)

// Facets lists the facets.
func Facets() []Facet { return []Facet{FacetStage, FacetTag, FacetSource, FacetCompany} }

// FacetValue is one value of a facet with the number of matching contacts.
type FacetValue struct {
	Value string `json:"value"`
	Count int    `json:"count"`
}

// MaxSearchWindow is how deep ranked results can be paged, on every adapter.
const MaxSearchWindow = 10_000

// SearchQuery asks an index.
type SearchQuery struct {
	// Text is what was typed. With MatchAll it is ignored and every document
	// that passes the criteria matches; else a text without words matches
	// nothing.
	Text     string
	MatchAll bool
	// Where is applied as in a store; its Words are ignored, and trashed
	// contacts are in no index.
	Where  ContactCriteria
	Order  SearchOrder
	Facets []Facet
	// After is the Position of the last hit seen, "" for the start. It
	// excludes Offset.
	After  string
	Offset int
	// Limit is 0 to 1,000; Offset+Limit beyond MaxSearchWindow is ErrTooLarge.
	Limit int
}

// SearchHit is one match, best first.
type SearchHit struct {
	Contact  ID
	Version  int64
	Position string
}

// SearchResult is a page of hits.
type SearchResult struct {
	Hits []SearchHit
	// Total is the number of matches; Exact tells whether it is exact or a
	// lower bound.
	Total int
	Exact bool
	// Facets holds up to 100 values of each facet asked for, most frequent
	// first, then by value; counted over all matches.
	Facets map[Facet][]FacetValue
}

// fillFacets has each of the facets in the result: an index of nobody knows none.
func (r *SearchResult) fillFacets(facets []Facet) {
	for _, facet := range facets {
		if r.Facets == nil {
			r.Facets = map[Facet][]FacetValue{}
		}
		if r.Facets[facet] == nil {
			r.Facets[facet] = []FacetValue{}
		}
	}
}

// IndexedVersion names a document and the contact version it was made from.
type IndexedVersion struct {
	Contact ID
	Version int64
}

// SearchIndex finds contacts by text. It is a projection: it holds nothing
// that cannot be rebuilt, gives out ids only, and the rows come from the
// store. The rules of matching and ranking are those of crm/textindex and are
// pinned by crmtest.TestSearchIndex. All methods are safe for parallel use.
//
// An index may be this process's own, or shared: kept by a service that other
// processes feed and search too (see [IndexStatus].Shared). Whoever feeds it
// puts the state that a contact has in the store now, notes by MarkIndexed how
// far in the event log that has come, and goes on from there after a restart.
// Nobody empties a shared index to fill it again: what is missing, wrong or
// too much in it is mended in place while it answers.
type SearchIndex interface {
	IndexReader
	IndexWriter
}

// IndexReader is what a search index answers. An error that is not the
// query's own fault makes the store answer instead.
type IndexReader interface {
	// SearchContacts returns a page of matches. A forged After is a
	// *ValidationError of field "cursor".
	SearchContacts(ctx context.Context, ws WorkspaceID, q SearchQuery) (SearchResult, error)
	// MatchContacts returns up to limit ids of all matches after the id after,
	// in the order of ids and without a window. Order, Facets, After, Offset
	// and Limit of q are ignored.
	MatchContacts(ctx context.Context, ws WorkspaceID, q SearchQuery, after ID, limit int) ([]ID, error)
	// ListVersions returns up to limit documents after the id after, in the
	// order of ids, for the drift check.
	ListVersions(ctx context.Context, ws WorkspaceID, after ID, limit int) ([]IndexedVersion, error)
	// IndexStatus says what the index holds of the workspace. It is also the
	// probe of an index that failed, and then asked for the zero workspace.
	IndexStatus(ctx context.Context, ws WorkspaceID) (IndexStatus, error)
}

// IndexWriter feeds a search index. What one caller writes takes effect in the
// order of its calls.
type IndexWriter interface {
	// PutDocuments adds or replaces documents. When it returns, searches find
	// them (or, for a service, will within the delay it documents). At most
	// 1,000; all or none.
	PutDocuments(ctx context.Context, ws WorkspaceID, docs []SearchDocument) error
	// DeleteDocuments removes documents; absent ones count as nothing.
	DeleteDocuments(ctx context.Context, ws WorkspaceID, contacts []ID) error
	// MarkIndexed notes that the index holds what the event log says up to the
	// position; IndexStatus tells the last one noted. It takes effect after
	// the documents written before it. Of several processes the last one wins,
	// and a lower position than the one noted costs work but nothing else.
	MarkIndexed(ctx context.Context, ws WorkspaceID, at Position) error
	// DropWorkspace removes everything the index holds of the workspace, and
	// the position noted for it.
	DropWorkspace(ctx context.Context, ws WorkspaceID) error
}

// IndexStatus is the state of one workspace's index.
type IndexStatus struct {
	// Documents is how many contacts it holds; Bytes the memory it uses in
	// this process, 0 for a service.
	Documents int
	Bytes     int64
	// Position is the one that MarkIndexed noted last, 0 when there is none: then
	// nobody has filled the index, or it was lost since. A shared index that
	// tells 0 after more is filled again.
	Position Position
	// Shared says that the index outlives this process and that others may
	// feed it: it is not dropped when idle, not emptied before a load, and not
	// counted against Config.SearchMemory.
	Shared bool
}
