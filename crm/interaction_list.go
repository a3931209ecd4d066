package crm

import (
	"context"
	"fmt"
	"slices"
)

// maxCounted is up to where a total that no figure answers is exact.
const maxCounted = 10_000

// TimelineQuery asks for a page of a contact's interactions.
type TimelineQuery struct {
	// Type keeps to one type; "" is all.
	Type InteractionType
	// Order by time. Default newest first ([Descending]).
	Order  SortOrder
	Cursor string
	// Limit 1 to 200, default 25.
	Limit int
}

// InteractionList is a page of a timeline.
type InteractionList struct {
	Items []Interaction
	// Total is the number of all matches, exact up to 10,000; beyond it More is
	// true and there are more than Total.
	Total      int
	More       bool
	NextCursor string
}

// Timeline returns a page of the interactions that a contact takes part in, a
// trashed one too.
func (s *InteractionService) Timeline(ctx context.Context, actor Actor, contact ID, q TimelineQuery) (InteractionList, error) {
	if err := actor.Authorize(PermContactsRead); err != nil {
		return InteractionList{}, fmt.Errorf("list interactions: %w", err)
	}
	list, err := s.timeline(ctx, actor.Workspace, contact, q)
	if err != nil {
		return InteractionList{}, fmt.Errorf("list interactions of contact %s: %w", contact, err)
	}
	return list, nil
}

func (s *InteractionService) timeline(ctx context.Context, ws WorkspaceID, contact ID, q TimelineQuery) (InteractionList, error) {
	ask, of, err := q.check(contact)
	if err != nil {
		return InteractionList{}, err
	}
	if _, err := getContact(ctx, s.core.store, ws, contact); err != nil {
		return InteractionList{}, err
	}
	size := ask.Limit
	ask.Limit++
	found, err := s.core.store.ListInteractions(ctx, ws, ask)
	if err != nil {
		return InteractionList{}, err
	}
	total, err := s.core.store.CountInteractions(ctx, ws, contact, q.Type, maxCounted+1)
	if err != nil {
		return InteractionList{}, err
	}
	list := InteractionList{Items: found, Total: min(total, maxCounted), More: total > maxCounted}
	if len(found) > size {
		list.Items = found[:size]
		last := found[size-1]
		list.NextCursor = cursor{Of: of, Value: sortNumber(Micros(last.OccurredAt)), ID: last.ID}.String()
	}
	return list, nil
}

func (q TimelineQuery) check(contact ID) (InteractionQuery, uint32, error) {
	var p problems
	if q.Type != "" && !slices.Contains(InteractionTypes(), q.Type) {
		p.add("type", CodeUnknown, "must be one of email, call, meeting, note, message, web")
	}
	if q.Order == "" {
		q.Order = Descending
	}
	if q.Order != Ascending && q.Order != Descending {
		p.add("order", CodeUnknown, "must be asc or desc")
	}
	if q.Limit < 0 || q.Limit > MaxPageSize {
		p.add("limit", CodeInvalid, "must be 1 to 200")
	}
	ask := InteractionQuery{Contact: contact, Type: q.Type, Desc: q.Order == Descending, Limit: q.Limit}
	if ask.Limit == 0 {
		ask.Limit = DefaultPageSize
	}
	of := digest("interactions", contact, q.Type, q.Order)
	if q.Cursor != "" {
		at, err := parseCursor(q.Cursor, of)
		if err != nil {
			p.fields = append(p.fields, asValidation(err).Fields...)
		}
		micros, ok := SortNumber(at.Value)
		if err == nil && !ok {
			p.add("cursor", CodeInvalid, "must be a nextCursor of an earlier answer; leave it out to begin at the start")
		}
		ask.After = &InteractionPosition{OccurredAt: FromMicros(micros), ID: at.ID}
	}
	return ask, of, p.err()
}
