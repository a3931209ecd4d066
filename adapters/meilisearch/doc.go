// Package meilisearch is a [crm.SearchIndex] kept by a Meilisearch server, for
// more contacts than the memory of each process should hold. It finds, orders
// and counts by the same rules as the built-in index.
//
//	index, err := meilisearch.Open(ctx, "http://127.0.0.1:7700", meilisearch.Options{Key: key})
//	app, err := crm.New(crm.Config{Store: store, Search: index})
//
// # How it searches
//
// One index holds the contacts of all workspaces; every request names the
// workspace in its filter. Meilisearch's own way of matching words is not the
// product's, so that words are matched by filters: a document lists its folded
// words, the endings of the words that are searched inside, and its numbers and
// addresses. A query word becomes "one of these words, or one that begins so, or
// an ending that begins so". Which words of the index are a typo away, the
// server tells by a search of the values of that list (facet search), and each
// is judged here again. Totals and facets are therefore exact.
//
// The first 200 matches are ranked here, by what the documents say. When there
// are more, filters for each way of matching give the best ones first.
//
// # Limits
//
// A search beyond [crm.MaxSearchWindow] is refused. Words count up to their first
// 60 characters, runs of Han, Kana and Hangul up to 48, and a word is a typo of
// at most 10,000 others. Times are exact to the microsecond between the years
// 1685 and 2255. Names are ordered by the first 290 bytes of their sort key.
//
// A write returns when the server has done it, which takes half a second and
// more for each batch whatever its size.
package meilisearch
