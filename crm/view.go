package crm

import (
	"context"
	"time"
)

// MaxRecentViews is how many contacts are kept as recently viewed by a user in a
// workspace.
const MaxRecentViews = 20

// ContactView says that a user looked at a contact.
type ContactView struct {
	Contact ID
	// ViewedAt is the last time.
	ViewedAt time.Time
	// Count is how often the contact was looked at, by anybody.
	Count int64
}

// ViewStore keeps who has looked at which contacts lately. Views raise no event
// and are gone with the contact. All methods are safe for parallel use.
type ViewStore interface {
	// PutView notes that a user looks at a contact: its count grows by one, also
	// with parallel calls, and it becomes the user's newest. Beyond keep
	// contacts, at least 1, the user's oldest are forgotten; counts stay. A view
	// from before the one that is stored counts and moves nothing. An absent
	// contact counts as nothing.
	PutView(ctx context.Context, ws WorkspaceID, user, contact ID, at time.Time, keep int) error
	// ListViews returns up to limit contacts that the user looked at, trashed
	// ones too, the newest view first, of equal times the highest contact id.
	ListViews(ctx context.Context, ws WorkspaceID, user ID, limit int) ([]ContactView, error)
	// CountViews returns how often each of the contacts was looked at, leaving
	// out those that never were. At most 1,000 ids.
	CountViews(ctx context.Context, ws WorkspaceID, contacts []ID) (map[ID]int64, error)
	// DeleteViews forgets all views and counts of the contacts. At most 1,000
	// ids.
	DeleteViews(ctx context.Context, ws WorkspaceID, contacts []ID) error
}
