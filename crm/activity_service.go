package crm

import (
	"context"
	"fmt"
	"strconv"
)

// Limits of pages of activity.
const (
	DefaultActivityLimit = 10
	MaxActivityLimit     = 100
)

// maxEventType bounds the name of a type, in bytes.
const maxEventType = 64

// ActivityService tells what happened. Everybody who may read contacts sees what
// was done to them and to interactions, members the jobs and imports that they
// asked for themselves, admins everything: for them it is the audit log too,
// with sign-ins, members, keys and settings.
type ActivityService struct {
	core *core
	hub  *streamHub
}

// ActivityQuery asks for a page of activity, newest first.
type ActivityQuery struct {
	// Contact asks for what happened to one contact and to the interactions it
	// took part in, also after an erase.
	Contact ID
	// Type asks for one type of event.
	Type EventType
	// Cursor is the NextCursor of an earlier page of the same question.
	Cursor string
	// Limit 1 to 100, default 10.
	Limit int
}

// ActivityList is a page of activity.
type ActivityList struct {
	Items []Activity
	// NextCursor is empty on the last page.
	NextCursor string
}

// List returns a page of activity. Everything that an import or a bulk action
// did to records is one item, at the place of its first event, with figures by
// type; with Contact each event of that contact is an item of its own. It costs
// the same however long the log is. Who may see nothing of what is asked for
// gets ErrForbidden.
func (s *ActivityService) List(ctx context.Context, actor Actor, q ActivityQuery) (ActivityList, error) {
	list, err := s.list(ctx, actor, q)
	if err != nil {
		return ActivityList{}, fmt.Errorf("list activity: %w", err)
	}
	return list, nil
}

func (s *ActivityService) list(ctx context.Context, actor Actor, q ActivityQuery) (ActivityList, error) {
	if err := q.authorize(actor); err != nil {
		return ActivityList{}, err
	}
	if q.Limit == 0 {
		q.Limit = DefaultActivityLimit
	}
	if q.Limit < 1 || q.Limit > MaxActivityLimit {
		return ActivityList{}, Invalid("limit", CodeInvalid, "must be 1 to 100")
	}
	if len(q.Type) > maxEventType {
		return ActivityList{}, Invalid("type", CodeTooLong, "must have at most 64 characters")
	}
	of := digest("activity", q.Contact, q.Type)
	before, err := feedPosition(q.Cursor, of)
	if err != nil {
		return ActivityList{}, err
	}
	events, err := s.events(ctx, actor, q, before)
	if err != nil {
		return ActivityList{}, err
	}
	var list ActivityList
	if len(events) > q.Limit {
		events = events[:q.Limit]
		list.NextCursor = cursor{Of: of, Position: strconv.FormatInt(int64(events[q.Limit-1].Position), 10)}.String()
	}
	list.Items, err = s.core.activities(ctx, actor.Workspace, events, !q.Contact.IsZero())
	return list, err
}

func (q ActivityQuery) authorize(actor Actor) error {
	if !q.Contact.IsZero() {
		return actor.Authorize(PermContactsRead)
	}
	if q.Type != "" && !actor.seesOwn(q.Type) {
		return actor.Authorize(ruleOf(q.Type.Noun()).all)
	}
	return actor.authorizeActivity()
}

// feedPosition reads a cursor, 0 for none.
func feedPosition(text string, of uint32) (Position, error) {
	if text == "" {
		return 0, nil
	}
	c, err := parseCursor(text, of)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(c.Position, 10, 64)
	if err != nil || n < 1 {
		return 0, Invalid("cursor", CodeInvalid, "must be a nextCursor of an earlier answer; leave it out to begin at the start")
	}
	return Position(n), nil
}

// events returns one event more than a page has, if there is one.
func (s *ActivityService) events(ctx context.Context, actor Actor, q ActivityQuery, before Position) ([]Event, error) {
	if !q.Contact.IsZero() {
		return s.contactEvents(ctx, actor, q, before)
	}
	types := []EventType{q.Type}
	if q.Type == "" {
		var err error
		if types, err = s.core.store.FeedTypes(ctx, actor.Workspace); err != nil {
			return nil, err
		}
	}
	feed := FeedQuery{Owner: actor.User, Before: before, Limit: q.Limit + 1}
	for _, t := range types {
		switch {
		case actor.seesAll(t):
			feed.Types = append(feed.Types, t)
		case actor.seesOwn(t):
			feed.OwnTypes = append(feed.OwnTypes, t)
		}
	}
	return s.core.store.ListFeed(ctx, actor.Workspace, feed)
}

// contactEvents are those about the contact and its interactions. It leaves out
// what is of another type than asked for: a contact has not many events.
func (s *ActivityService) contactEvents(ctx context.Context, actor Actor, q ActivityQuery, before Position) ([]Event, error) {
	var found []Event
	for len(found) <= q.Limit {
		page, err := s.core.store.ListSubjectEvents(ctx, actor.Workspace, q.Contact, before, q.Limit+1)
		if err != nil {
			return nil, err
		}
		for _, e := range page {
			if before = e.Position; actor.seesAll(e.Type) && (q.Type == "" || e.Type == q.Type) {
				found = append(found, e)
			}
		}
		if len(page) <= q.Limit {
			break
		}
	}
	return found, nil
}
