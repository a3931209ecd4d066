package crmtest_test

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

func (t memTx) ListTouches(_ context.Context, ws crm.WorkspaceID, contacts []crm.ID, limit int) (map[crm.ID][]crm.Touch, error) {
	s, err := t.read()
	if err != nil {
		return nil, err
	}
	found := map[crm.ID][]crm.Touch{}
	for _, contact := range contacts {
		line := s.inTimeline(ws, contact, "")
		slices.Reverse(line)
		var touches []crm.Touch
		for _, i := range firstOf(line, limit) {
			touches = append(touches, crm.Touch{Type: i.Type, Direction: i.Direction, At: i.OccurredAt})
		}
		if len(touches) > 0 {
			found[contact] = touches
		}
	}
	return found, nil
}

func (t memTx) PutInsights(ctx context.Context, ws crm.WorkspaceID, insights []crm.StoredInsight) error {
	return t.write(ctx, func(s *state) error {
		for _, i := range insights {
			key := of[crm.ID]{ws, i.Contact}
			w, there := s.contacts[key]
			i.DueAt, i.ComputedAt = micros(i.DueAt), micros(i.ComputedAt)
			if !there || w.Contact.InTrash() || s.insights[key].ComputedAt.After(i.ComputedAt) {
				continue
			}
			score := i.Score
			w.Contact.Score = &score
			s.contacts[key], s.insights[key] = w, i
		}
		return nil
	})
}

func (t memTx) GetInsights(_ context.Context, ws crm.WorkspaceID, contacts []crm.ID) ([]crm.StoredInsight, error) {
	s, err := t.read()
	if err != nil {
		return nil, err
	}
	var found []crm.StoredInsight
	for n, id := range contacts {
		if i, ok := s.insights[of[crm.ID]{ws, id}]; ok && slices.Index(contacts, id) == n {
			found = append(found, i)
		}
	}
	return found, nil
}

func (t memTx) DeleteInsights(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID) error {
	return t.write(ctx, func(s *state) error {
		for _, id := range contacts {
			delete(s.insights, of[crm.ID]{ws, id})
		}
		return nil
	})
}

func (t memTx) ListFocus(_ context.Context, ws crm.WorkspaceID, after *crm.FocusPosition, limit int) ([]crm.StoredInsight, error) {
	s, err := t.read()
	if err != nil {
		return nil, err
	}
	order := func(a, b crm.StoredInsight) int {
		return cmp.Or(b.Priority-a.Priority, compareIDs(b.Contact, a.Contact))
	}
	due := slices.DeleteFunc(mine(s.insights, ws), func(i crm.StoredInsight) bool {
		return i.Priority <= 0 || after != nil && order(i, crm.StoredInsight{Priority: after.Priority, Contact: after.Contact}) <= 0
	})
	slices.SortFunc(due, order)
	return firstOf(due, limit), nil
}

func (t memTx) CountFollowUps(_ context.Context, ws crm.WorkspaceID, due time.Time, atMost int) (int, error) {
	s, err := t.read()
	if err != nil {
		return 0, err
	}
	n := 0
	for _, i := range mine(s.insights, ws) {
		if !i.DueAt.IsZero() && !i.DueAt.After(due) {
			n++
		}
	}
	return min(n, atMost), nil
}

func (t memTx) PutView(ctx context.Context, ws crm.WorkspaceID, user, contact crm.ID, at time.Time, keep int) error {
	return t.write(ctx, func(s *state) error {
		if _, there := s.contacts[of[crm.ID]{ws, contact}]; !there {
			return nil
		}
		s.viewCounts[of[crm.ID]{ws, contact}]++
		key := of[viewKey]{ws, viewKey{user, contact}}
		if at = micros(at); at.After(s.views[key]) {
			s.views[key] = at
		}
		for _, old := range s.viewsOf(ws, user)[min(keep, len(s.viewsOf(ws, user))):] {
			delete(s.views, of[viewKey]{ws, viewKey{user, old.Contact}})
		}
		return nil
	})
}

// viewsOf returns a user's views, the newest first.
func (s *state) viewsOf(ws crm.WorkspaceID, user crm.ID) []crm.ContactView {
	var views []crm.ContactView
	for key, at := range s.views {
		if key.ws == ws && key.id.user == user {
			views = append(views, crm.ContactView{Contact: key.id.contact, ViewedAt: at, Count: s.viewCounts[of[crm.ID]{ws, key.id.contact}]})
		}
	}
	slices.SortFunc(views, func(a, b crm.ContactView) int { return -compareMoments(a.ViewedAt, a.Contact, b.ViewedAt, b.Contact) })
	return views
}

func (t memTx) ListViews(_ context.Context, ws crm.WorkspaceID, user crm.ID, limit int) ([]crm.ContactView, error) {
	s, err := t.read()
	if err != nil {
		return nil, err
	}
	return firstOf(s.viewsOf(ws, user), limit), nil
}

func (t memTx) CountViews(_ context.Context, ws crm.WorkspaceID, contacts []crm.ID) (map[crm.ID]int64, error) {
	s, err := t.read()
	if err != nil {
		return nil, err
	}
	counts := map[crm.ID]int64{}
	for _, id := range contacts {
		if n := s.viewCounts[of[crm.ID]{ws, id}]; n > 0 {
			counts[id] = n
		}
	}
	return counts, nil
}

func (t memTx) DeleteViews(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID) error {
	return t.write(ctx, func(s *state) error {
		for key := range s.views {
			if key.ws == ws && slices.Contains(contacts, key.id.contact) {
				delete(s.views, key)
			}
		}
		for _, id := range contacts {
			delete(s.viewCounts, of[crm.ID]{ws, id})
		}
		return nil
	})
}
