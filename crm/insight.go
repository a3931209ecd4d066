package crm

import (
	"context"
	"time"
)

// StoredInsight is the part of an [Insight] that is kept: what is sorted,
// counted or shown in lists. The rest is computed when it is asked for.
type StoredInsight struct {
	Contact ID
	Score   int
	// DueAt is when the follow-up is due, zero for no follow-up.
	DueAt time.Time
	// Priority orders the follow-ups that were due when it was computed, the
	// highest first; 0 for those that were not.
	Priority   int
	Trend      TrendDirection
	Chance     int
	ComputedAt time.Time
}

// stored returns what is kept of an insight.
func (i Insight) stored() StoredInsight {
	s := StoredInsight{Contact: i.Contact, Score: i.Score, Trend: i.Trend.Direction, Chance: i.Forecast.Chance, ComputedAt: i.ComputedAt}
	if i.FollowUp != nil {
		s.DueAt, s.Priority = i.FollowUp.DueAt, i.FollowUp.Priority
	}
	return s
}

// FocusPosition is a place in the list of follow-ups: right behind the contact
// with this priority and id.
type FocusPosition struct {
	Priority int
	Contact  ID
}

// InsightStore keeps what is derived of contacts and their history. It knows no
// formula. What it writes raises no event and changes neither versions nor
// update times. All methods are safe for parallel use.
type InsightStore interface {
	// ListTouches returns for each of the contacts its newest touches, at most
	// limit each, newest first, in any order among those of one time. It reads
	// nothing of the interactions but these. Contacts without any, and absent
	// ones, are left out. At most 1,000 ids, limit at least 1.
	ListTouches(ctx context.Context, ws WorkspaceID, contacts []ID, limit int) (map[ID][]Touch, error)
	// PutInsights sets the scores of the contacts and replaces their insights.
	// Contacts that are absent or in the trash are left out, so that nothing
	// outlives an erase that came between; and so are those of which an insight
	// with a later ComputedAt is stored, so that of two that compute at once
	// the one that has seen more wins. A contact stands at most once in one
	// call; at most 1,000.
	PutInsights(ctx context.Context, ws WorkspaceID, insights []StoredInsight) error
	// GetInsights returns the insights of the contacts in the order of ids,
	// leaving out those it does not have. A duplicate id is answered once, at
	// its first place. At most 1,000 ids.
	GetInsights(ctx context.Context, ws WorkspaceID, contacts []ID) ([]StoredInsight, error)
	// DeleteInsights removes the insights of the contacts; the scores stay.
	// Absent ids count as nothing. At most 1,000 ids.
	DeleteInsights(ctx context.Context, ws WorkspaceID, contacts []ID) error
	// ListFocus returns up to limit insights with a priority above 0, the
	// highest priority first, of equal ones the highest contact id. It starts
	// right behind after, when set, which need not exist any more.
	ListFocus(ctx context.Context, ws WorkspaceID, after *FocusPosition, limit int) ([]StoredInsight, error)
	// CountFollowUps counts the insights with a follow-up that is due at the
	// time or before, but stops at atMost, which is at least 1, and then
	// answers atMost. It looks at none that is not due.
	CountFollowUps(ctx context.Context, ws WorkspaceID, due time.Time, atMost int) (int, error)
}
