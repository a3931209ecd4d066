package crm

import "context"

// FeedQuery asks for a page of the feed.
type FeedQuery struct {
	// Types are the types of the entries; OwnTypes are further ones of which only
	// those are asked for whose events have this Owner. A type stands in one of
	// the two.
	Types, OwnTypes []EventType
	Owner           ID
	// Before is where the page begins: entries with a lower position. 0 is the
	// newest.
	Before Position
	Limit  int
}

// BatchCount is how many events a batch made of one type.
type BatchCount struct {
	Batch ID
	Type  EventType
	Count int64
}

// FeedStore reads the log for people: newest first, and a batch at once. What
// it costs depends on the page, never on the length of the log or of a batch.
type FeedStore interface {
	// FeedTypes returns the types that the workspace's log has events of, in
	// ascending order.
	FeedTypes(ctx context.Context, ws WorkspaceID) ([]EventType, error)
	// ListFeed returns up to Limit entries of the workspace's feed, newest first.
	// Every event is one, but for those that are [Event.Bulk]: of these only the
	// first of each batch. With a single type in the query it is the batch's
	// first event of that type. In the order of positions no entry ever appears
	// behind one that was seen.
	ListFeed(ctx context.Context, ws WorkspaceID, q FeedQuery) ([]Event, error)
	// ListSubjectEvents returns up to limit events about a subject, or with it
	// among their Contacts, before the position, newest first, those of batches
	// too. 0 is the newest.
	ListSubjectEvents(ctx context.Context, ws WorkspaceID, subject ID, before Position, limit int) ([]Event, error)
	// CountBatches returns how many events each of the batches has made so far, by
	// type, of those that are [Event.Bulk]; in any order. Batches that have none
	// are left out, and may be when their first event was purged.
	CountBatches(ctx context.Context, ws WorkspaceID, batches []ID) ([]BatchCount, error)
}
