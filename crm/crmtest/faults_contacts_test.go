package crmtest_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/crmtest"
)

// fault breaks one promise of a correct adapter.
type fault struct {
	name string
	// part is the part of the suite that has to notice; red matches the test in
	// it that must fail.
	part, red string
	// One of these is the broken adapter.
	store  func() crm.Store
	index  func() crm.SearchIndex
	format func() crm.Format
	queue  func() crm.JobQueue
	// limiter is the broken limiter of requests.
	limiter func() crmtest.Limiter
	// twin is compared with a correct store, see crmtest.TestHistories.
	twin func() crm.Store
	// alike says that it is compared with one that is broken in the same way.
	alike bool
}

// breakTx returns a store whose transactions, and calls outside of them, go
// through a wrapper.
func breakTx(wrap func(t memTx) crm.Tx) func() crm.Store {
	return func() crm.Store {
		m := newMemStore()
		p := partsOf(m)
		p.Tx = wrap(memTx{read: m.read, write: m.write})
		p.Transactor = wrappedTransactor{m, wrap}
		return p
	}
}

type wrappedTransactor struct {
	m    *memStore
	wrap func(t memTx) crm.Tx
}

func (w wrappedTransactor) InTx(ctx context.Context, fn func(tx crm.Tx) error) error {
	return transactor{w.m}.InTx(ctx, func(tx crm.Tx) error { return fn(w.wrap(tx.(memTx))) })
}

// breakParts returns a store with one of its roles replaced.
func breakParts(replace func(m *memStore, p *parts)) func() crm.Store {
	return func() crm.Store {
		m := newMemStore()
		p := partsOf(m)
		replace(m, &p)
		return p
	}
}

// damaged damages contacts on their way in.
type damaged struct {
	memTx
	damage func(c *crm.Contact)
}

func (t damaged) PutContacts(ctx context.Context, ws crm.WorkspaceID, writes []crm.ContactWrite) error {
	writes = slices.Clone(writes)
	for i := range writes {
		writes[i].Contact = copied(writes[i].Contact)
		t.damage(&writes[i].Contact)
	}
	return t.memTx.PutContacts(ctx, ws, writes)
}

func damage(f func(c *crm.Contact)) func() crm.Store {
	return breakTx(func(t memTx) crm.Tx { return damaged{t, f} })
}

func dropWide(s string) string {
	return strings.Map(func(r rune) rune {
		if r > 0xffff {
			return -1
		}
		return r
	}, s)
}

func valueFaults() []fault {
	return []fault{
		{name: "microseconds are dropped", part: "time", red: "microseconds", store: damage(func(c *crm.Contact) {
			c.CreatedAt, c.UpdatedAt = c.CreatedAt.Truncate(time.Millisecond), c.UpdatedAt.Truncate(time.Millisecond)
		})},
		{name: "times overflow before 1678", part: "time", red: "the_first_moments", store: damage(func(c *crm.Contact) {
			c.CreatedAt = time.Unix(0, c.CreatedAt.UnixNano()).UTC()
		})},
		{name: "an absent time becomes the epoch", part: "contacts", red: "absent_values", store: damage(func(c *crm.Contact) {
			if c.DeletedAt.IsZero() && c.LastInteractionAt.IsZero() {
				c.LastInteractionAt = time.Unix(0, 0).UTC()
			}
		})},
		{name: "text is folded", part: "text", red: "accents", store: damage(func(c *crm.Contact) { c.Company = crm.FoldKey(c.Company) })},
		{name: "four-byte characters are dropped", part: "text", red: "four-byte", store: damage(func(c *crm.Contact) { c.Notes = dropWide(c.Notes) })},
		{name: "text ends at NUL", part: "text", red: "NUL", store: damage(func(c *crm.Contact) { c.Notes, _, _ = strings.Cut(c.Notes, "\x00") })},
		{name: "line ends are changed", part: "text", red: "line_breaks", store: damage(func(c *crm.Contact) { c.Notes = strings.ReplaceAll(c.Notes, "\r\n", "\n") })},
		{name: "outer blanks are cut", part: "text", red: "blanks", store: damage(func(c *crm.Contact) { c.JobTitle = strings.TrimSpace(c.JobTitle) })},
		{name: "long values are cut", part: "text", red: "the_longest_values", store: damage(func(c *crm.Contact) { c.Notes = c.Notes[:min(len(c.Notes), 16_000)] })},
		{name: "the score is lost", part: "contacts", red: "every_field", store: damage(func(c *crm.Contact) { c.Score = nil })},
		{name: "a label is lost", part: "contacts", red: "every_field", store: damage(func(c *crm.Contact) {
			for i := range c.Phones {
				c.Phones[i].Label = ""
			}
		})},
		{name: "tags are sorted", part: "contacts", red: "every_field", store: damage(func(c *crm.Contact) { slices.Sort(c.Tags) })},
		{name: "no list becomes an empty one", part: "contacts", red: "absent_values", store: damage(func(c *crm.Contact) {
			if c.Websites == nil {
				c.Websites = []string{}
			}
		})},
		{name: "numbers in custom fields become text", part: "text", red: "keep_their_kind", store: damage(func(c *crm.Contact) {
			for key, value := range c.Fields {
				if n, ok := value.(float64); ok && n == 0.1 {
					c.Fields[key] = "0.1"
				}
			}
		})},
		{name: "the peak version is lost", part: "versions", red: "also_a_lower_one", store: damage(func(c *crm.Contact) { c.PeakVersion = c.Version })},
	}
}

// listing changes the question or the answer of lists and counts.
type listing struct {
	memTx
	where  func(w *crm.ContactCriteria)
	query  func(q *crm.ContactQuery)
	answer func(q crm.ContactQuery, got []crm.Contact) []crm.Contact
}

func (t listing) ListContacts(ctx context.Context, ws crm.WorkspaceID, q crm.ContactQuery) ([]crm.Contact, error) {
	asked := q
	if t.where != nil {
		t.where(&q.Where)
	}
	if t.query != nil {
		t.query(&q)
	}
	got, err := t.memTx.ListContacts(ctx, ws, q)
	if t.answer != nil {
		got = t.answer(asked, got)
	}
	return got, err
}

func (t listing) CountContacts(ctx context.Context, ws crm.WorkspaceID, w crm.ContactCriteria, atMost int) (int, error) {
	if t.where != nil {
		t.where(&w)
	}
	return t.memTx.CountContacts(ctx, ws, w, atMost)
}

func (t listing) ListContactIDs(ctx context.Context, ws crm.WorkspaceID, w crm.ContactCriteria, after crm.ID, limit int) ([]crm.ID, error) {
	if t.where != nil {
		t.where(&w)
	}
	return t.memTx.ListContactIDs(ctx, ws, w, after, limit)
}

func where(f func(w *crm.ContactCriteria)) func() crm.Store {
	return breakTx(func(t memTx) crm.Tx { return listing{memTx: t, where: f} })
}

func query(f func(q *crm.ContactQuery)) func() crm.Store {
	return breakTx(func(t memTx) crm.Tx { return listing{memTx: t, query: f} })
}

func answer(f func(q crm.ContactQuery, got []crm.Contact) []crm.Contact) func() crm.Store {
	return breakTx(func(t memTx) crm.Tx { return listing{memTx: t, answer: f} })
}

func pagingFaults() []fault {
	return []fault{
		{name: "the tie-breaker is skipped", part: "paging", red: "by_score", store: answer(func(q crm.ContactQuery, got []crm.Contact) []crm.Contact {
			slices.SortStableFunc(got, func(a, b crm.Contact) int {
				if slices.Equal(crm.SortValue(a, q.Sort), crm.SortValue(b, q.Sort)) && q.Sort == crm.SortScore {
					return strings.Compare(a.DisplayName, b.DisplayName)
				}
				return 0
			})
			return got
		})},
		{name: "ties stay ascending in a descending list", part: "paging", red: "descending", store: answer(func(q crm.ContactQuery, got []crm.Contact) []crm.Contact {
			if q.Desc {
				slices.SortStableFunc(got, func(a, b crm.Contact) int {
					if slices.Equal(crm.SortValue(a, q.Sort), crm.SortValue(b, q.Sort)) {
						return compareIDs(a.ID, b.ID)
					}
					return 0
				})
			}
			return got
		})},
		{name: "a page starts one too late", part: "paging", red: "hold_every_contact_once", store: answer(func(q crm.ContactQuery, got []crm.Contact) []crm.Contact {
			if q.After != nil && len(got) > 1 {
				return got[1:]
			}
			return got
		})},
		{name: "a page ends one too early", part: "paging", red: "hold_every_contact_once", store: query(func(q *crm.ContactQuery) {
			if q.Limit > 4 {
				q.Limit--
			}
		})},
		{name: "a page begins with the last row of the one before", part: "paging", red: "hold_every_contact_once", store: query(func(q *crm.ContactQuery) {
			if q.After != nil && q.After.ID[5] > 0 {
				after := *q.After
				after.ID[5]--
				q.After = &after
			}
		})},
		{name: "the limit is ignored", part: "paging", red: "hold_every_contact_once", store: query(func(q *crm.ContactQuery) { q.Limit = 1_000 })},
		{name: "the offset is ignored", part: "paging", red: "hold_every_contact_once", store: query(func(q *crm.ContactQuery) { q.Offset = 0 })},
		{name: "the direction is ignored", part: "paging", red: "by_displayName_descending", store: query(func(q *crm.ContactQuery) { q.Desc = false })},
		{name: "nothing follows a row that is gone", part: "paging", red: "start_behind_a_row_that_is_gone", store: breakTx(func(t memTx) crm.Tx { return vanished{t} })},
		{name: "names are ordered by their bytes", part: "text", red: "names_are_ordered", store: answer(func(q crm.ContactQuery, got []crm.Contact) []crm.Contact {
			if q.Sort == crm.SortDisplayName && !q.Desc {
				slices.SortFunc(got, func(a, b crm.Contact) int { return strings.Compare(a.DisplayName, b.DisplayName) })
			}
			return got
		})},
	}
}

// vanished looks for the row that a position names.
type vanished struct{ memTx }

func (t vanished) ListContacts(ctx context.Context, ws crm.WorkspaceID, q crm.ContactQuery) ([]crm.Contact, error) {
	if q.After != nil {
		if there, err := t.GetContacts(ctx, ws, []crm.ID{q.After.ID}); err != nil || len(there) == 0 {
			return nil, err
		}
	}
	return t.memTx.ListContacts(ctx, ws, q)
}

func filterFaults() []fault {
	alone := "each_criterion_alone"
	return []fault{
		{name: "all tags is taken for any", part: "filters", red: alone, store: where(func(w *crm.ContactCriteria) { w.AllTags = false })},
		{name: "only the first stage counts", part: "filters", red: alone, store: where(func(w *crm.ContactCriteria) { w.Stages = firstOf(w.Stages, 1) })},
		{name: "has email is ignored", part: "filters", red: alone, store: where(func(w *crm.ContactCriteria) { w.HasEmail = nil })},
		{name: "the range of updates is ignored", part: "filters", red: alone, store: where(func(w *crm.ContactCriteria) { w.UpdatedAt = crm.TimeRange{} })},
		{name: "the end of a range is included", part: "time", red: "neighbouring", store: where(func(w *crm.ContactCriteria) {
			if !w.CreatedAt.To.IsZero() {
				w.CreatedAt.To = w.CreatedAt.To.Add(time.Microsecond)
			}
		})},
		{name: "the start of a range is left out", part: "time", red: "neighbouring", store: where(func(w *crm.ContactCriteria) {
			if !w.CreatedAt.From.IsZero() {
				w.CreatedAt.From = w.CreatedAt.From.Add(time.Microsecond)
			}
		})},
		{name: "an absent time is before every end", part: "time", red: "an_absent_time", store: where(func(w *crm.ContactCriteria) {
			if w.LastInteractionAt.From.IsZero() {
				w.LastInteractionAt.To = time.Time{}
			}
		})},
		{name: "sources are compared without case", part: "text", red: "keys_and_criteria", store: where(func(w *crm.ContactCriteria) {
			for _, s := range slices.Clone(w.Sources) {
				w.Sources = append(w.Sources, strings.ToUpper(s), strings.ToLower(s))
			}
		})},
		{name: "only one custom field counts", part: "filters", red: "every_set_criterion|each_criterion", store: where(func(w *crm.ContactCriteria) {
			if len(w.Fields) > 1 {
				w.Fields = maps.Clone(w.Fields)
				delete(w.Fields, "Colour")
			}
		})},
		{name: "words are patterns", part: "text", red: "plain_search", store: where(func(w *crm.ContactCriteria) {
			w.Words = slices.DeleteFunc(slices.Clone(w.Words), func(word string) bool { return word == "%" })
		})},
		{name: "the trash is listed with the rest", part: "filters", red: alone, store: where(func(w *crm.ContactCriteria) { w.Trash = false })},
	}
}
