package crm

import (
	"context"
	"fmt"
	"slices"
)

// Limits of the focus.
const (
	DefaultFocus = 5
	MaxFocus     = 100
)

// InsightService judges relationships: scores with their reasons, follow-ups,
// trends and forecasts, by formulas that read nothing but the CRM's own data and
// run on the machine. Reading them takes what reading contacts takes.
type InsightService struct {
	core *core
}

// Get judges the relationship with a contact, a trashed one too, as it is now.
// The score on the contact itself is that of its last change or of the last
// night.
func (s *InsightService) Get(ctx context.Context, actor Actor, contact ID) (Insight, error) {
	if err := actor.Authorize(PermContactsRead); err != nil {
		return Insight{}, fmt.Errorf("get insights: %w", err)
	}
	i, err := s.judgeOne(ctx, actor.Workspace, contact)
	if err != nil {
		return Insight{}, fmt.Errorf("get insights of contact %s: %w", contact, err)
	}
	return i, nil
}

// Refresh is Get that also stores what lists sort by. That happens by itself
// after every change and at night.
func (s *InsightService) Refresh(ctx context.Context, actor Actor, contact ID) (Insight, error) {
	if err := actor.Authorize(PermContactsRead); err != nil {
		return Insight{}, fmt.Errorf("refresh insights: %w", err)
	}
	i, err := s.judgeOne(ctx, actor.Workspace, contact)
	if err == nil {
		err = s.core.inTx(ctx, actor.Workspace, func(tx Tx) error {
			return tx.PutInsights(ctx, actor.Workspace, []StoredInsight{i.stored()})
		})
	}
	if err != nil {
		return Insight{}, fmt.Errorf("refresh insights of contact %s: %w", contact, err)
	}
	return i, nil
}

func (s *InsightService) judgeOne(ctx context.Context, ws WorkspaceID, id ID) (Insight, error) {
	list, err := s.judge(ctx, ws, []ID{id})
	if err != nil {
		return Insight{}, err
	}
	if len(list) == 0 {
		return Insight{}, ErrNotFound
	}
	return list[0].Insight, nil
}

// judgedContact is a contact with its insight.
type judgedContact struct {
	Contact Contact
	Insight Insight
}

// judge loads contacts, at most 1,000, with their touches and judges them, in
// the order of ids and without those that are not there. The moment is one from
// before anything is read, so that whoever reads later stores the later one.
func (s *InsightService) judge(ctx context.Context, ws WorkspaceID, ids []ID) ([]judgedContact, error) {
	now := s.core.now()
	contacts, err := s.core.store.GetContacts(ctx, ws, ids)
	if err != nil {
		return nil, fmt.Errorf("get contacts: %w", err)
	}
	found := make([]ID, len(contacts))
	for n, c := range contacts {
		found[n] = c.ID
	}
	touches, err := s.core.store.ListTouches(ctx, ws, found, MaxTouches)
	if err != nil {
		return nil, fmt.Errorf("list touches: %w", err)
	}
	list := make([]judgedContact, len(contacts))
	for n, c := range contacts {
		list[n] = judgedContact{Contact: c, Insight: JudgeContact(c, touches[c.ID], now)}
	}
	return list, nil
}

// FocusQuery asks for a page of those to contact next.
type FocusQuery struct {
	Cursor string
	// Limit 1 to 100, default 5.
	Limit int
}

// FocusItem is somebody to contact, with the reasons.
type FocusItem struct {
	Contact Contact
	// Insight has a follow-up that is due.
	Insight Insight
}

// FocusList is a page of those to contact next, the most urgent first.
type FocusList struct {
	Items []FocusItem
	// Total is the number of follow-ups that are due, exact up to 10,000; beyond
	// it More is true and there are more than Total.
	Total int
	More  bool
	// NextCursor is "" on the last page.
	NextCursor string
}

// Focus returns whom to contact next: those whose follow-up is due, whoever
// waits for an answer first, then by what there is to lose and how late it is.
// The order is that of the last computation; who was contacted since is left out.
func (s *InsightService) Focus(ctx context.Context, actor Actor, q FocusQuery) (FocusList, error) {
	if err := actor.Authorize(PermContactsRead); err != nil {
		return FocusList{}, fmt.Errorf("focus: %w", err)
	}
	list, err := s.focus(ctx, actor.Workspace, q)
	if err == nil {
		list.Total, list.More, err = s.followUpsDue(ctx, actor.Workspace)
	}
	if err != nil {
		return FocusList{}, fmt.Errorf("focus: %w", err)
	}
	return list, nil
}

// focus is a page of the list without its total, which the dashboard has among
// its figures.
func (s *InsightService) focus(ctx context.Context, ws WorkspaceID, q FocusQuery) (FocusList, error) {
	after, err := q.check()
	if err != nil {
		return FocusList{}, err
	}
	if q.Limit == 0 {
		q.Limit = DefaultFocus
	}
	list := FocusList{}
	for {
		page, err := s.core.store.ListFocus(ctx, ws, after, q.Limit+1)
		if err != nil {
			return list, fmt.Errorf("list focus: %w", err)
		}
		more := len(page) > q.Limit
		page = page[:min(len(page), q.Limit)]
		due, err := s.stillDue(ctx, ws, page)
		if err != nil {
			return list, err
		}
		for _, d := range due {
			if len(list.Items) == q.Limit {
				return list, nil
			}
			list.Items = append(list.Items, FocusItem(d))
			if len(list.Items) == q.Limit {
				list.NextCursor = q.cursorBehind(page, d.Contact.ID, more)
			}
		}
		if !more || len(list.Items) == q.Limit {
			return list, nil
		}
		last := page[len(page)-1]
		after = &FocusPosition{Priority: last.Priority, Contact: last.Contact}
	}
}

// cursorBehind goes on behind a contact of a page; "" where nothing follows.
func (q FocusQuery) cursorBehind(page []StoredInsight, contact ID, more bool) string {
	at := slices.IndexFunc(page, func(i StoredInsight) bool { return i.Contact == contact })
	if at == len(page)-1 && !more {
		return ""
	}
	return cursor{Of: focusDigest(), Value: sortNumber(int64(page[at].Priority)), ID: contact}.String()
}

func focusDigest() uint32 { return digest("focus") }

func (q FocusQuery) check() (*FocusPosition, error) {
	var p problems
	if q.Limit < 0 || q.Limit > MaxFocus {
		p.add("limit", CodeInvalid, "must be 1 to 100")
	}
	if q.Cursor == "" {
		return nil, p.err()
	}
	at, err := parseCursor(q.Cursor, focusDigest())
	if err != nil {
		p.fields = append(p.fields, asValidation(err).Fields...)
		return nil, p.err()
	}
	priority, ok := SortNumber(at.Value)
	if !ok {
		p.add("cursor", CodeInvalid, "must be a nextCursor of an earlier answer; leave it out to begin at the start")
	}
	return &FocusPosition{Priority: int(priority), Contact: at.ID}, p.err()
}

// stillDue judges the contacts of stored insights again and returns those who
// are still to be contacted.
func (s *InsightService) stillDue(ctx context.Context, ws WorkspaceID, page []StoredInsight) ([]judgedContact, error) {
	ids := make([]ID, len(page))
	for n, i := range page {
		ids[n] = i.Contact
	}
	list, err := s.judge(ctx, ws, ids)
	return slices.DeleteFunc(list, func(j judgedContact) bool { return !j.Insight.FollowUp.Due(j.Insight.ComputedAt) }), err
}

// followUpsDue counts the follow-ups that are due, up to 10,000.
func (s *InsightService) followUpsDue(ctx context.Context, ws WorkspaceID) (n int, more bool, err error) {
	n, err = s.core.store.CountFollowUps(ctx, ws, s.core.now(), maxCounted+1)
	if err != nil {
		return 0, false, fmt.Errorf("count follow-ups: %w", err)
	}
	return min(n, maxCounted), n > maxCounted, nil
}
