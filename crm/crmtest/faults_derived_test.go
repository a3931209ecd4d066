package crmtest_test

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

type (
	judgeOldestFirst  struct{ memTx }
	judgeUnlimited    struct{ memTx }
	judgeTotalLimit   struct{ memTx }
	judgeAbsentTouch  struct{ memTx }
	judgeUndirected   struct{ memTx }
	judgeScoreless    struct{ memTx }
	judgeByChange     struct{ memTx }
	judgeTrashed      struct{ memTx }
	judgeLastWriter   struct{ memTx }
	judgeRacing       struct{ memTx }
	judgeUnordered    struct{ memTx }
	judgeKept         struct{ memTx }
	judgeRescored     struct{ memTx }
	focusUndue        struct{ memTx }
	focusTied         struct{ memTx }
	focusByOffset     struct{ memTx }
	dueExclusive      struct{ memTx }
	dueUnlimited      struct{ memTx }
	dueAbsent         struct{ memTx }
	forgetJudged      struct{ memTx }
	forgetJudgedGet   struct{ memTx }
	forgetJudgedDel   struct{ memTx }
	forgetJudgedTouch struct{ memTx }
	forgetFocus       struct{ memTx }
	forgetDue         struct{ memTx }
	viewOldestFirst   struct{ memTx }
	viewTied          struct{ memTx }
	viewUnbounded     struct{ memTx }
	viewCountsKept    struct{ memTx }
	viewMovesBack     struct{ memTx }
	viewAbsent        struct{ memTx }
	viewShared        struct{ memTx }
	viewDeletedOnly   struct{ memTx }
	viewRacing        struct{ memTx }
	forgetView        struct{ memTx }
	forgetViews       struct{ memTx }
	forgetViewCounts  struct{ memTx }
	forgetViewDelete  struct{ memTx }
)

func (t judgeOldestFirst) ListTouches(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID, limit int) (map[crm.ID][]crm.Touch, error) {
	found, err := t.memTx.ListTouches(ctx, ws, contacts, 1<<30)
	for id, list := range found {
		slices.Reverse(list)
		found[id] = firstOf(list, limit)
	}
	return found, err
}

func (t judgeUnlimited) ListTouches(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID, _ int) (map[crm.ID][]crm.Touch, error) {
	return t.memTx.ListTouches(ctx, ws, contacts, 1<<30)
}

// judgeTotalLimit takes the limit for that of all contacts together.
func (t judgeTotalLimit) ListTouches(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID, limit int) (map[crm.ID][]crm.Touch, error) {
	found := map[crm.ID][]crm.Touch{}
	for _, id := range contacts {
		if limit <= 0 {
			break
		}
		one, err := t.memTx.ListTouches(ctx, ws, []crm.ID{id}, limit)
		if err != nil {
			return nil, err
		}
		maps.Copy(found, one)
		limit -= len(one[id])
	}
	return found, nil
}

func (t judgeAbsentTouch) ListTouches(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID, limit int) (map[crm.ID][]crm.Touch, error) {
	found, err := t.memTx.ListTouches(ctx, ws, contacts, limit)
	for _, id := range contacts {
		found[id] = append([]crm.Touch{}, found[id]...)
	}
	return found, err
}

func (t judgeUndirected) ListTouches(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID, limit int) (map[crm.ID][]crm.Touch, error) {
	found, err := t.memTx.ListTouches(ctx, ws, contacts, limit)
	for _, list := range found {
		for n := range list {
			list[n].Direction = crm.DirectionInbound
		}
	}
	return found, err
}

// inOne runs a write of a correct transaction on the state.
func inOne(s *state) memTx {
	return memTx{read: func() (*state, error) { return s, nil }, write: func(_ context.Context, fn func(*state) error) error { return fn(s) }}
}

// judgeAs writes insights and then spoils the outcome.
func (t memTx) judgeAs(ctx context.Context, ws crm.WorkspaceID, list []crm.StoredInsight, spoil func(before, after *state, key of[crm.ID], i crm.StoredInsight)) error {
	return t.write(ctx, func(s *state) error {
		before := s.copied()
		if err := inOne(s).PutInsights(ctx, ws, list); err != nil {
			return err
		}
		for _, i := range list {
			spoil(before, s, of[crm.ID]{ws, i.Contact}, i)
		}
		return nil
	})
}

func (t judgeScoreless) PutInsights(ctx context.Context, ws crm.WorkspaceID, list []crm.StoredInsight) error {
	return t.judgeAs(ctx, ws, list, func(before, after *state, key of[crm.ID], _ crm.StoredInsight) {
		if w, there := before.contacts[key]; there {
			after.contacts[key] = w
		}
	})
}

func (t judgeByChange) PutInsights(ctx context.Context, ws crm.WorkspaceID, list []crm.StoredInsight) error {
	return t.judgeAs(ctx, ws, list, func(_, after *state, key of[crm.ID], i crm.StoredInsight) {
		if w, there := after.contacts[key]; there {
			w.Contact.UpdatedAt = i.ComputedAt.Add(time.Hour)
			after.contacts[key] = w
		}
	})
}

func (t judgeTrashed) PutInsights(ctx context.Context, ws crm.WorkspaceID, list []crm.StoredInsight) error {
	return t.judgeAs(ctx, ws, list, func(_, after *state, key of[crm.ID], i crm.StoredInsight) { after.insights[key] = i })
}

func (t judgeLastWriter) PutInsights(ctx context.Context, ws crm.WorkspaceID, list []crm.StoredInsight) error {
	return t.judgeAs(ctx, ws, list, func(_, after *state, key of[crm.ID], i crm.StoredInsight) {
		if _, there := after.insights[key]; there {
			after.insights[key] = i
		}
	})
}

// judgeRacing leaves the score of whoever wrote last.
func (t judgeRacing) PutInsights(ctx context.Context, ws crm.WorkspaceID, list []crm.StoredInsight) error {
	return t.judgeAs(ctx, ws, list, func(_, after *state, key of[crm.ID], i crm.StoredInsight) {
		if w, there := after.contacts[key]; there {
			w.Contact.Score = &i.Score
			after.contacts[key] = w
		}
	})
}

func (t judgeUnordered) GetInsights(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID) ([]crm.StoredInsight, error) {
	contacts = slices.Clone(contacts)
	slices.SortFunc(contacts, compareIDs)
	return t.memTx.GetInsights(ctx, ws, contacts)
}

func (t judgeKept) DeleteInsights(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID) error {
	return t.write(ctx, func(s *state) error {
		for _, id := range contacts {
			key := of[crm.ID]{ws, id}
			if i, there := s.insights[key]; there {
				i.Priority = 0
				s.insights[key] = i
			}
		}
		return nil
	})
}

func (t judgeRescored) PutInsights(ctx context.Context, ws crm.WorkspaceID, list []crm.StoredInsight) error {
	return t.judgeAs(ctx, ws, list, func(before, after *state, key of[crm.ID], _ crm.StoredInsight) {
		old, there := before.contacts[key]
		if there && old.Contact.Score != nil {
			after.contacts[key] = old
		}
	})
}

func (t focusUndue) ListFocus(ctx context.Context, ws crm.WorkspaceID, after *crm.FocusPosition, limit int) ([]crm.StoredInsight, error) {
	found, err := t.memTx.ListFocus(ctx, ws, after, limit)
	s, _ := t.read()
	if all := mine(s.insights, ws); len(found) < limit {
		for _, i := range all {
			if i.Priority == 0 && after == nil {
				found = append(found, i)
			}
		}
	}
	return firstOf(found, limit), err
}

func (t focusTied) ListFocus(ctx context.Context, ws crm.WorkspaceID, after *crm.FocusPosition, limit int) ([]crm.StoredInsight, error) {
	if after != nil {
		after = &crm.FocusPosition{Priority: after.Priority}
	}
	return t.memTx.ListFocus(ctx, ws, after, limit)
}

func (t focusByOffset) ListFocus(ctx context.Context, ws crm.WorkspaceID, after *crm.FocusPosition, limit int) ([]crm.StoredInsight, error) {
	all, err := t.memTx.ListFocus(ctx, ws, nil, 1<<30)
	if after != nil {
		all = all[slices.IndexFunc(all, func(i crm.StoredInsight) bool { return i.Contact == after.Contact })+1:]
	}
	return firstOf(all, limit), err
}

func (t dueExclusive) CountFollowUps(ctx context.Context, ws crm.WorkspaceID, due time.Time, atMost int) (int, error) {
	return t.memTx.CountFollowUps(ctx, ws, due.Add(-time.Microsecond), atMost)
}

func (t dueUnlimited) CountFollowUps(ctx context.Context, ws crm.WorkspaceID, due time.Time, _ int) (int, error) {
	return t.memTx.CountFollowUps(ctx, ws, due, 1<<30)
}

func (t dueAbsent) CountFollowUps(_ context.Context, ws crm.WorkspaceID, due time.Time, atMost int) (int, error) {
	s, err := t.read()
	n := 0
	for _, i := range mine(s.insights, ws) {
		if !i.DueAt.After(due) {
			n++
		}
	}
	return min(n, atMost), err
}

func (t forgetJudged) PutInsights(ctx context.Context, ws crm.WorkspaceID, list []crm.StoredInsight) error {
	for _, space := range spaces(t.memTx, ws) {
		if err := t.memTx.PutInsights(ctx, space, list); err != nil {
			return err
		}
	}
	return nil
}

func (t forgetJudgedGet) GetInsights(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID) ([]crm.StoredInsight, error) {
	return everywhere(t.memTx, ws, func(ws crm.WorkspaceID) ([]crm.StoredInsight, error) { return t.memTx.GetInsights(ctx, ws, contacts) })
}

func (t forgetJudgedDel) DeleteInsights(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID) error {
	for _, space := range spaces(t.memTx, ws) {
		if err := t.memTx.DeleteInsights(ctx, space, contacts); err != nil {
			return err
		}
	}
	return nil
}

func (t forgetJudgedTouch) ListTouches(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID, limit int) (map[crm.ID][]crm.Touch, error) {
	found := map[crm.ID][]crm.Touch{}
	for _, space := range spaces(t.memTx, ws) {
		more, err := t.memTx.ListTouches(ctx, space, contacts, limit)
		if err != nil {
			return nil, err
		}
		for id, list := range more {
			found[id] = append(found[id], list...)
		}
	}
	return found, nil
}

func (t forgetFocus) ListFocus(ctx context.Context, ws crm.WorkspaceID, after *crm.FocusPosition, limit int) ([]crm.StoredInsight, error) {
	return everywhere(t.memTx, ws, func(ws crm.WorkspaceID) ([]crm.StoredInsight, error) { return t.memTx.ListFocus(ctx, ws, after, limit) })
}

func (t forgetDue) CountFollowUps(ctx context.Context, ws crm.WorkspaceID, due time.Time, atMost int) (int, error) {
	all, err := everywhere(t.memTx, ws, func(ws crm.WorkspaceID) ([]int, error) {
		n, err := t.memTx.CountFollowUps(ctx, ws, due, atMost)
		return make([]int, n), err
	})
	return len(all), err
}

func (t viewOldestFirst) ListViews(ctx context.Context, ws crm.WorkspaceID, user crm.ID, limit int) ([]crm.ContactView, error) {
	found, err := t.memTx.ListViews(ctx, ws, user, 1<<30)
	slices.Reverse(found)
	return firstOf(found, limit), err
}

func (t viewTied) ListViews(ctx context.Context, ws crm.WorkspaceID, user crm.ID, limit int) ([]crm.ContactView, error) {
	found, err := t.memTx.ListViews(ctx, ws, user, 1<<30)
	slices.SortStableFunc(found, func(a, b crm.ContactView) int {
		if order := b.ViewedAt.Compare(a.ViewedAt); order != 0 {
			return order
		}
		return compareIDs(a.Contact, b.Contact)
	})
	return firstOf(found, limit), err
}

func (t viewUnbounded) PutView(ctx context.Context, ws crm.WorkspaceID, user, contact crm.ID, at time.Time, _ int) error {
	return t.memTx.PutView(ctx, ws, user, contact, at, 1<<30)
}

// viewCountsKept forgets the count of those who leave the list.
func (t viewCountsKept) PutView(ctx context.Context, ws crm.WorkspaceID, user, contact crm.ID, at time.Time, keep int) error {
	return t.write(ctx, func(s *state) error {
		before := s.viewsOf(ws, user)
		if err := inOne(s).PutView(ctx, ws, user, contact, at, keep); err != nil {
			return err
		}
		for _, v := range before {
			if _, stays := s.views[of[viewKey]{ws, viewKey{user, v.Contact}}]; !stays {
				delete(s.viewCounts, of[crm.ID]{ws, v.Contact})
			}
		}
		return nil
	})
}

func (t viewMovesBack) PutView(ctx context.Context, ws crm.WorkspaceID, user, contact crm.ID, at time.Time, keep int) error {
	return t.write(ctx, func(s *state) error {
		delete(s.views, of[viewKey]{ws, viewKey{user, contact}})
		return inOne(s).PutView(ctx, ws, user, contact, at, keep)
	})
}

func (t viewAbsent) PutView(ctx context.Context, ws crm.WorkspaceID, user, contact crm.ID, at time.Time, keep int) error {
	return t.write(ctx, func(s *state) error {
		s.views[of[viewKey]{ws, viewKey{user, contact}}] = at
		s.viewCounts[of[crm.ID]{ws, contact}]++
		return nil
	})
}

func (t viewShared) PutView(ctx context.Context, ws crm.WorkspaceID, _, contact crm.ID, at time.Time, keep int) error {
	return t.memTx.PutView(ctx, ws, crm.ID{}, contact, at, keep)
}

func (t viewShared) ListViews(ctx context.Context, ws crm.WorkspaceID, _ crm.ID, limit int) ([]crm.ContactView, error) {
	return t.memTx.ListViews(ctx, ws, crm.ID{}, limit)
}

func (t viewDeletedOnly) DeleteViews(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID) error {
	return t.write(ctx, func(s *state) error {
		counts := maps.Clone(s.viewCounts)
		err := inOne(s).DeleteViews(ctx, ws, contacts)
		s.viewCounts = counts
		return err
	})
}

// viewRacing reads the count in one transaction and writes it in another.
func (t viewRacing) PutView(ctx context.Context, ws crm.WorkspaceID, user, contact crm.ID, at time.Time, keep int) error {
	counts, err := t.CountViews(ctx, ws, []crm.ID{contact})
	if err != nil {
		return err
	}
	time.Sleep(time.Millisecond)
	return t.write(ctx, func(s *state) error {
		err := inOne(s).PutView(ctx, ws, user, contact, at, keep)
		s.viewCounts[of[crm.ID]{ws, contact}] = counts[contact] + 1
		return err
	})
}

func (t forgetView) PutView(ctx context.Context, ws crm.WorkspaceID, user, contact crm.ID, at time.Time, keep int) error {
	for _, space := range spaces(t.memTx, ws) {
		if err := t.memTx.PutView(ctx, space, user, contact, at, keep); err != nil {
			return err
		}
	}
	return nil
}

func (t forgetViews) ListViews(ctx context.Context, ws crm.WorkspaceID, user crm.ID, limit int) ([]crm.ContactView, error) {
	return everywhere(t.memTx, ws, func(ws crm.WorkspaceID) ([]crm.ContactView, error) { return t.memTx.ListViews(ctx, ws, user, limit) })
}

func (t forgetViewCounts) CountViews(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID) (map[crm.ID]int64, error) {
	sum := map[crm.ID]int64{}
	for _, space := range spaces(t.memTx, ws) {
		more, err := t.memTx.CountViews(ctx, space, contacts)
		if err != nil {
			return nil, err
		}
		for id, n := range more {
			sum[id] += n
		}
	}
	return sum, nil
}

func (t forgetViewDelete) DeleteViews(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID) error {
	for _, space := range spaces(t.memTx, ws) {
		if err := t.memTx.DeleteViews(ctx, space, contacts); err != nil {
			return err
		}
	}
	return nil
}

func insightFaults() []fault {
	f := func(name, red string, wrap func(t memTx) crm.Tx) fault {
		return fault{name: name, part: "insights", red: red, store: breakTx(wrap)}
	}
	return append([]fault{
		f("touches are oldest first", "touches_come", func(t memTx) crm.Tx { return judgeOldestFirst{t} }),
		f("touches have no limit", "touches_come", func(t memTx) crm.Tx { return judgeUnlimited{t} }),
		f("the limit of touches is one for all", "touches_come", func(t memTx) crm.Tx { return judgeTotalLimit{t} }),
		f("contacts without touches are not left out", "touches_(come|follow)", func(t memTx) crm.Tx { return judgeAbsentTouch{t} }),
		f("touches have no direction", "touches_(come|follow)", func(t memTx) crm.Tx { return judgeUndirected{t} }),
		f("an insight leaves the score", "with_its_score", func(t memTx) crm.Tx { return judgeScoreless{t} }),
		f("an insight is a change of the contact", "changes_nothing_else", func(t memTx) crm.Tx { return judgeByChange{t} }),
		f("the trash gets insights", "absent_and_trashed", func(t memTx) crm.Tx { return judgeTrashed{t} }),
		f("the insight written last stays", "computed_later", func(t memTx) crm.Tx { return judgeLastWriter{t} }),
		f("the score written last stays", "parallel_writers", func(t memTx) crm.Tx { return judgeRacing{t} }),
		f("insights come in the order of ids", "in_the_order_asked_for", func(t memTx) crm.Tx { return judgeUnordered{t} }),
		f("deleted insights are still due", "deleted_insights", func(t memTx) crm.Tx { return judgeKept{t} }),
		f("a score is set once", "by_the_new_score", func(t memTx) crm.Tx { return judgeRescored{t} }),
		f("the focus holds who is not due", "the_focus_holds", func(t memTx) crm.Tx { return focusUndue{t} }),
		f("the focus skips ties", "the_focus_holds", func(t memTx) crm.Tx { return focusTied{t} }),
		f("the focus begins again when its place is gone", "place_that_is_gone", func(t memTx) crm.Tx { return focusByOffset{t} }),
		f("a follow-up is due only after its time", "up_to_a_limit", func(t memTx) crm.Tx { return dueExclusive{t} }),
		f("follow-ups are counted beyond the limit", "up_to_a_limit", func(t memTx) crm.Tx { return dueUnlimited{t} }),
		f("insights without a follow-up are due", "up_to_a_limit", func(t memTx) crm.Tx { return dueAbsent{t} }),
	}, forgetsDerived(map[string]func(t memTx) crm.Tx{
		"PutInsights":    func(t memTx) crm.Tx { return forgetJudged{t} },
		"GetInsights":    func(t memTx) crm.Tx { return forgetJudgedGet{t} },
		"DeleteInsights": func(t memTx) crm.Tx { return forgetJudgedDel{t} },
		"ListTouches":    func(t memTx) crm.Tx { return forgetJudgedTouch{t} },
		"ListFocus":      func(t memTx) crm.Tx { return forgetFocus{t} },
		"CountFollowUps": func(t memTx) crm.Tx { return forgetDue{t} },
	})...)
}

func viewFaults() []fault {
	f := func(name, red string, wrap func(t memTx) crm.Tx) fault {
		return fault{name: name, part: "views", red: red, store: breakTx(wrap)}
	}
	return append([]fault{
		f("views are oldest first", "newest_first", func(t memTx) crm.Tx { return viewOldestFirst{t} }),
		f("views of one time come by the lowest contact", "of_one_time", func(t memTx) crm.Tx { return viewTied{t} }),
		f("all views are kept", "only_so_many", func(t memTx) crm.Tx { return viewUnbounded{t} }),
		f("who leaves the list of views begins at one", "only_so_many", func(t memTx) crm.Tx { return viewCountsKept{t} }),
		f("a view from before moves a contact back", "from_before", func(t memTx) crm.Tx { return viewMovesBack{t} }),
		f("an absent contact is viewed", "an_absent_contact", func(t memTx) crm.Tx { return viewAbsent{t} }),
		f("users share a list of views", "lists_of_their_own", func(t memTx) crm.Tx { return viewShared{t} }),
		f("deleted views are still counted", "deleted_views", func(t memTx) crm.Tx { return viewDeletedOnly{t} }),
		f("parallel views are lost", "parallel_views", func(t memTx) crm.Tx { return viewRacing{t} }),
	}, forgetsDerived(map[string]func(t memTx) crm.Tx{
		"PutView":     func(t memTx) crm.Tx { return forgetView{t} },
		"ListViews":   func(t memTx) crm.Tx { return forgetViews{t} },
		"CountViews":  func(t memTx) crm.Tx { return forgetViewCounts{t} },
		"DeleteViews": func(t memTx) crm.Tx { return forgetViewDelete{t} },
	})...)
}

func forgetsDerived(methods map[string]func(t memTx) crm.Tx) []fault {
	var list []fault
	for method, wrap := range methods {
		list = append(list, fault{name: method + " forgets the workspace", part: "tenancy", red: method + "_from_", store: breakTx(wrap)})
	}
	return list
}
