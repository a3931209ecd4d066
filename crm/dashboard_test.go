package crm_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/omnicrm/omnicrm/crm"
)

func (e *env) dashboard(zone string) crm.Dashboard {
	e.t.Helper()
	d, err := e.Dashboard.Get(context.Background(), e.owner, crm.DashboardQuery{TimeZone: zone})
	if err != nil {
		e.t.Fatalf("dashboard: %v", err)
	}
	for name, err := range map[string]error{
		"activity": d.Activity.Err, "totals": d.Totals.Err, "growth": d.Growth.Err, "trend": d.InteractionTrend.Err, "recent": d.RecentContacts.Err, "system": d.System.Err,
	} {
		if err != nil {
			e.t.Fatalf("block %s: %v", name, err)
		}
	}
	return d
}

// all returns every live contact, and every interaction.
func (e *env) everything() ([]crm.Contact, []time.Time) {
	e.t.Helper()
	var contacts []crm.Contact
	q := crm.ContactListQuery{PageSize: crm.MaxPageSize}
	for {
		list := e.list(q)
		contacts = append(contacts, list.Items...)
		if q.Cursor = list.NextCursor; q.Cursor == "" {
			break
		}
	}
	var moments []time.Time
	ids, err := e.store.ListInteractionIDs(context.Background(), e.owner.Workspace, crm.InteractionCriteria{}, crm.ID{}, 1_000)
	if err != nil {
		e.t.Fatal(err)
	}
	found, err := e.store.GetInteractions(context.Background(), e.owner.Workspace, ids)
	if err != nil {
		e.t.Fatal(err)
	}
	for _, i := range found {
		moments = append(moments, i.OccurredAt)
	}
	return contacts, moments
}

// wantDashboard compares every figure with a count of the rows.
func (e *env) wantDashboard(zone string, now time.Time) {
	e.t.Helper()
	d := e.dashboard(zone)
	loc, err := time.LoadLocation(zone)
	if err != nil {
		e.t.Fatal(err)
	}
	contacts, moments := e.everything()
	day := func(t time.Time) string { return t.In(loc).Format(time.DateOnly) }
	local := now.In(loc)
	dates := map[string]bool{} // Of the seven days that end today.
	for n := range 7 {
		dates[time.Date(local.Year(), local.Month(), local.Day()-n, 12, 0, 0, 0, loc).Format(time.DateOnly)] = true
	}
	monday := time.Date(local.Year(), local.Month(), local.Day()-(int(local.Weekday())+6)%7, 12, 0, 0, 0, loc).Format(time.DateOnly)
	created, happened, week, seven := map[string]int{}, map[string]int{}, 0, 0
	for _, c := range contacts {
		created[day(c.CreatedAt)]++
		if day(c.CreatedAt) >= monday {
			week++
		}
	}
	for _, at := range moments {
		happened[day(at)]++
		if dates[day(at)] {
			seven++
		}
	}
	if got := d.Totals.Value; got.Contacts != len(contacts) || got.NewThisWeek != week || got.Interactions7Days != seven {
		e.t.Errorf("%s: got totals %+v, want %d contacts, %d this week, %d interactions", zone, got, len(contacts), week, seven)
	}
	if len(d.Growth.Value) != 30 || len(d.InteractionTrend.Value) != 30 {
		e.t.Fatalf("%s: got %d and %d days, want 30", zone, len(d.Growth.Value), len(d.InteractionTrend.Value))
	}
	if last := d.Growth.Value[29].Date; last != day(now) {
		e.t.Errorf("%s: the last day is %s, want %s", zone, last, day(now))
	}
	for n, g := range d.Growth.Value {
		total := 0
		for date, count := range created {
			if date <= g.Date {
				total += count
			}
		}
		if g.Created != created[g.Date] || g.Total != total {
			e.t.Errorf("%s: got growth %+v, want %d created, %d in all", zone, g, created[g.Date], total)
		}
		if tr := d.InteractionTrend.Value[n]; tr.Date != g.Date || tr.Count != happened[g.Date] {
			e.t.Errorf("%s: got trend %+v, want %d", zone, tr, happened[g.Date])
		}
	}
}

func zones() []string { return []string{"UTC", "America/Los_Angeles", "Asia/Kathmandu"} }

func TestDashboardFollowsEveryWrite(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, time.March, 9, 5, 0, 0, 0, time.UTC) // A Monday in UTC, still Sunday in Los Angeles, the day after clocks changed.
	e := setup(t, storeSearched, func(c *crm.Config) { c.Now = func() time.Time { return now } })
	ctx := context.Background()
	check := func(step string) {
		t.Helper()
		for _, zone := range zones() {
			e.wantDashboard(zone, now)
		}
		if t.Failed() {
			t.Fatalf("after %s", step)
		}
	}
	check("nothing")
	var made []crm.Contact
	for n := range 40 {
		now = time.Date(2026, time.February, 5, 3, 0, 0, 0, time.UTC).Add(time.Duration(n*19) * time.Hour)
		made = append(made, e.create(crm.NewContact{DisplayName: fmt.Sprint("P", n), Tags: []string{[]string{"a", "b"}[n%2]}}))
		e.talk(made[n].ID, crm.NewInteraction{OccurredAt: now.Add(-time.Duration(n) * time.Hour)})
	}
	now = time.Date(2026, time.March, 9, 5, 0, 0, 0, time.UTC)
	check("creates")
	job := e.bulk(crm.ContactFilter{Tags: []string{"a"}}, crm.BulkAction{Verb: crm.BulkDelete})
	e.succeeded(job.ID)
	check("a bulk delete by filter")
	undo, err := e.Jobs.Undo(ctx, e.owner, job.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	e.succeeded(undo.ID)
	check("its undo")
	if err := e.Contacts.Erase(ctx, e.owner, made[38].ID, 0); err != nil {
		t.Fatal(err)
	}
	check("an erase")
	now = now.AddDate(0, 0, 1)
	check("the next day")
	e.sound()
}

func TestDashboardTrend(t *testing.T) {
	t.Parallel()
	var now time.Time
	e := setup(t, storeSearched, func(c *crm.Config) { c.Now = func() time.Time { return now } })
	at := func(day, hour int) { now = time.Date(2026, time.March, day, hour, 0, 0, 0, time.UTC) } // The 2nd and the 9th are Mondays.
	at(2, 10)
	if got := e.dashboard("UTC").Totals.Value.TrendPercent; got != nil {
		t.Errorf("without last week: got %d, want none", *got)
	}
	e.people("A", "B")
	at(4, 18)
	e.people("C", "D", "E")
	at(9, 12)
	e.people("F", "G", "H")
	at(9, 13)
	if got := e.dashboard("UTC").Totals.Value.TrendPercent; got == nil || *got != 50 {
		t.Errorf("3 against 2 of the same stretch: got %v, want 50", got)
	}
	at(11, 19)
	if got := e.dashboard("UTC").Totals.Value.TrendPercent; got == nil || *got != -40 {
		t.Errorf("3 against 5 of the same stretch: got %v, want -40", got)
	}
}

func TestDashboardOfStrangers(t *testing.T) {
	t.Parallel()
	e := setup(t)
	if _, err := e.Dashboard.Get(context.Background(), e.owner, crm.DashboardQuery{TimeZone: "Mars/Olympus"}); err == nil {
		t.Error("an unknown zone: got no error")
	} else if invalid, ok := errors.AsType[*crm.ValidationError](err); !ok || invalid.Fields[0].Field != "tz" {
		t.Errorf("an unknown zone: got %v", err)
	}
	if _, err := e.Dashboard.Get(context.Background(), crm.Actor{}, crm.DashboardQuery{}); !errors.Is(err, crm.ErrUnauthenticated) {
		t.Errorf("nobody: got %v", err)
	}
	e.people("A", "B")
	d, err := e.Dashboard.Get(context.Background(), actorOf("other", "olga", crm.RoleViewer), crm.DashboardQuery{})
	if err != nil || d.Totals.Value.Contacts != 0 || len(d.RecentContacts.Value) != 0 {
		t.Errorf("another workspace: got %+v, %v", d.Totals, err)
	}
}

// brokenSeries fails to read series.
type brokenSeries struct{ crm.Store }

func (brokenSeries) ReadSeries(context.Context, crm.WorkspaceID, crm.Series, int64, int64) ([]crm.SeriesCount, error) {
	return nil, errors.New("broken")
}

// stuckSeries answers only when its context has ended.
type stuckSeries struct{ crm.Store }

func (stuckSeries) ReadSeries(ctx context.Context, _ crm.WorkspaceID, _ crm.Series, _, _ int64) ([]crm.SeriesCount, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestDashboardBlocksFailAlone(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]func(crm.Store) crm.Store{
		"failing": func(s crm.Store) crm.Store { return brokenSeries{s} },
		"stuck":   func(s crm.Store) crm.Store { return stuckSeries{s} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := setupOn(t, broken(openStore(t)))
			e.people("A")
			begin := time.Now()
			d, err := e.Dashboard.Get(context.Background(), e.owner, crm.DashboardQuery{})
			if err != nil {
				t.Fatal(err)
			}
			if took := time.Since(begin); took > 10*time.Second {
				t.Errorf("took %s", took)
			}
			if d.Totals.Err == nil || d.Growth.Err == nil || d.InteractionTrend.Err == nil {
				t.Error("the blocks that need the series have no error")
			}
			if d.RecentContacts.Err != nil || len(d.RecentContacts.Value) != 1 || d.System.Err != nil || d.System.Value.Database.Status != crm.ProbeOK {
				t.Errorf("the others: got %+v and %+v", d.RecentContacts, d.System)
			}
		})
	}
}

func TestSlots(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		at := time.UnixMicro(rapid.Int64Range(-1<<52, 1<<52).Draw(r, "micros"))
		begin := crm.SlotTime(crm.SlotOf(at))
		if begin.After(at) || !begin.Add(crm.SeriesSlot).After(at) {
			r.Errorf("%s is not in the slot from %s", at, begin)
		}
	})
}
