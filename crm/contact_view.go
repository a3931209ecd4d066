package crm

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// RecentContact is a contact that somebody looked at lately.
type RecentContact struct {
	Contact  Contact
	ViewedAt time.Time
	// Views is how often anybody in the workspace has looked at it.
	Views int64
}

// MarkViewed notes that the actor looks at a contact, for the list of recently
// viewed ones and the count. Whoever shows a contact to a person calls it; reading
// one by [ContactService.Get] does not count, and API keys and programs without
// a user are no viewers: for them it does nothing. It raises no event.
func (s *ContactService) MarkViewed(ctx context.Context, actor Actor, id ID) error {
	if err := actor.Authorize(PermContactsRead); err != nil {
		return fmt.Errorf("mark contact viewed: %w", err)
	}
	if _, err := getContact(ctx, s.core.store, actor.Workspace, id); err != nil {
		return fmt.Errorf("mark contact %s viewed: %w", id, err)
	}
	if actor.ref().Kind != ActorUser || actor.User.IsZero() {
		return nil
	}
	if err := s.core.store.PutView(ctx, actor.Workspace, actor.User, id, s.core.now(), MaxRecentViews); err != nil {
		return fmt.Errorf("mark contact %s viewed: %w", id, err)
	}
	return nil
}

// Recent returns the contacts that the actor looked at lately, at most
// [MaxRecentViews], the last one first. Those in the trash are left out; they are
// back when they are restored.
func (s *ContactService) Recent(ctx context.Context, actor Actor) ([]RecentContact, error) {
	if err := actor.Authorize(PermContactsRead); err != nil {
		return nil, fmt.Errorf("recent contacts: %w", err)
	}
	views, err := s.core.store.ListViews(ctx, actor.Workspace, actor.User, MaxRecentViews)
	if err != nil {
		return nil, fmt.Errorf("recent contacts: %w", err)
	}
	ids := make([]ID, len(views))
	for n, v := range views {
		ids[n] = v.Contact
	}
	contacts, err := s.core.store.GetContacts(ctx, actor.Workspace, ids)
	if err != nil {
		return nil, fmt.Errorf("recent contacts: %w", err)
	}
	recent := make([]RecentContact, 0, len(contacts))
	for _, c := range slices.DeleteFunc(contacts, Contact.InTrash) {
		v := views[slices.IndexFunc(views, func(v ContactView) bool { return v.Contact == c.ID })]
		recent = append(recent, RecentContact{Contact: c, ViewedAt: v.ViewedAt, Views: v.Count})
	}
	return recent, nil
}

// Views returns how often each of up to 1,000 contacts was looked at by anybody
// in the workspace; those that never were are left out.
func (s *ContactService) Views(ctx context.Context, actor Actor, ids []ID) (map[ID]int64, error) {
	if err := actor.Authorize(PermContactsRead); err != nil {
		return nil, fmt.Errorf("contact views: %w", err)
	}
	if len(ids) > MaxBatch {
		return nil, fmt.Errorf("contact views: %w", Invalid("ids", CodeTooMany, "must have at most 1000 ids"))
	}
	counts, err := s.core.store.CountViews(ctx, actor.Workspace, ids)
	if err != nil {
		return nil, fmt.Errorf("contact views: %w", err)
	}
	return counts, nil
}
