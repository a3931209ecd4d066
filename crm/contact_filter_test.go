package crm_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

func TestDateRanges(t *testing.T) {
	t.Parallel()
	day := func(mode crm.DateMode) crm.DateFilter { return crm.DateFilter{Mode: mode} }
	between := func(from, to string) crm.DateFilter {
		return crm.DateFilter{Mode: crm.DateRange, From: from, To: to}
	}
	cases := []struct {
		name           string
		f              crm.DateFilter
		zone, now      string
		wantFrom, want string
	}{
		{"today in UTC", day(crm.DateToday), "UTC", "2026-11-23T21:00:00Z", "2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z"},
		{"today east of Greenwich is tomorrow already", day(crm.DateToday), "Asia/Tokyo", "2026-11-23T21:00:00Z", "2026-11-23T15:00:00Z", "2026-11-24T15:00:00Z"},
		{"a day of 23 hours", day(crm.DateToday), "Europe/Berlin", "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"},
		{"a day of 25 hours", day(crm.DateToday), "America/New_York", "2026-11-01T12:00:00Z", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"},
		{"a day without midnight", day(crm.DateToday), "America/Sao_Paulo", "2018-11-04T12:00:00Z", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"},
		{"the day before a day without midnight", day(crm.DateToday), "America/Sao_Paulo", "2018-11-03T12:00:00Z", "2018-11-03T03:00:00Z", "2018-11-04T03:00:00Z"},
		{"a day with two midnights, east", day(crm.DateToday), "Asia/Amman", "2021-10-29T12:00:00Z", "2021-10-28T21:00:00Z", "2021-10-29T22:00:00Z"},
		{"a day with two midnights, west", day(crm.DateToday), "America/Havana", "2025-11-02T12:00:00Z", "2025-11-02T04:00:00Z", "2025-11-03T05:00:00Z"},
		{"clocks put back at midnight", day(crm.DateToday), "America/Sao_Paulo", "2018-02-18T12:00:00Z", "2018-02-18T03:00:00Z", "2018-02-19T03:00:00Z"},
		{"a week begins on Monday, asked on Sunday", day(crm.DateWeek), "UTC", "2026-11-29T23:59:59Z", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z"},
		{"a week begins on Monday, asked on Monday", day(crm.DateWeek), "UTC", "2026-11-23T00:00:00Z", "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z"},
		{"a week over the end of the year", day(crm.DateWeek), "UTC", "2027-01-02T00:00:00Z", "2026-12-28T00:00:00Z", "2027-01-04T00:00:00Z"},
		{"a month", day(crm.DateMonth), "UTC", "2024-02-29T12:00:00Z", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"},
		{"the last quarter", day(crm.DateQuarter), "UTC", "2026-12-31T12:00:00Z", "2026-10-01T00:00:00Z", "2027-01-01T00:00:00Z"},
		{"the first quarter", day(crm.DateQuarter), "UTC", "2026-03-31T12:00:00Z", "2026-01-01T00:00:00Z", "2026-04-01T00:00:00Z"},
		{"a year", day(crm.DateYear), "Europe/Berlin", "2026-12-31T23:30:00Z", "2026-12-31T23:00:00Z", "2027-12-31T23:00:00Z"},
		{"a range holds both days", between("2026-01-31", "2026-02-01"), "UTC", "2026-11-23T00:00:00Z", "2026-01-31T00:00:00Z", "2026-02-02T00:00:00Z"},
		{"a range of one day of 23 hours", between("2026-03-29", "2026-03-29"), "Europe/Berlin", "2026-11-23T00:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"},
		{"a range open at the end", between("2026-01-31", ""), "UTC", "2026-11-23T00:00:00Z", "2026-01-31T00:00:00Z", ""},
		{"a range open at the start", between("", "2024-02-29"), "UTC", "2026-11-23T00:00:00Z", "", "2024-03-01T00:00:00Z"},
		{"a range open at both ends", between("", ""), "UTC", "2026-11-23T00:00:00Z", "", ""},
		{"any", day(crm.DateAny), "UTC", "2026-11-23T00:00:00Z", "", ""},
		{"nothing", crm.DateFilter{}, "UTC", "2026-11-23T00:00:00Z", "", ""},
	}
	text := func(at time.Time) string {
		if at.IsZero() {
			return ""
		}
		return at.Format(time.RFC3339)
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			zone, err := crm.LoadZone(c.zone)
			if err != nil {
				t.Fatal(err)
			}
			r, err := c.f.Range("f", zone, newClock(c.now).at)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "from", text(r.From), c.wantFrom)
			equal(t, "to", text(r.To), c.want)
		})
	}
}

// Every moment lies in the day, and in no other, that its own clock shows.
func TestDaysOfAZoneAreSeamless(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Europe/Berlin", "America/Sao_Paulo", "America/Havana", "Asia/Amman", "Asia/Beirut", "Atlantic/Azores", "Pacific/Apia", "Africa/Cairo", "Australia/Lord_Howe", "America/Asuncion"} {
		zone, err := crm.LoadZone(name)
		if err != nil {
			t.Fatal(err)
		}
		for at := time.Date(2010, 12, 30, 0, 30, 0, 0, time.UTC); at.Year() < 2023; at = at.Add(97 * time.Minute) {
			r, err := crm.DateFilter{Mode: crm.DateToday}.Range("f", zone, at)
			if err != nil {
				t.Fatal(err)
			}
			if at.Before(r.From) || !at.Before(r.To) || r.From.In(zone).Format(time.DateOnly) != at.In(zone).Format(time.DateOnly) ||
				r.From.Add(-1).In(zone).Format(time.DateOnly) >= at.In(zone).Format(time.DateOnly) && r.From.Add(-2*time.Hour).In(zone).Day() == at.In(zone).Day() {
				t.Fatalf("%s, day of %s: got %s to %s", name, at.In(zone), r.From.In(zone), r.To.In(zone))
			}
		}
	}
}

func TestBadDateFilters(t *testing.T) {
	t.Parallel()
	for text, field := range map[string]string{
		``: "f", `today`: "f", `[]`: "f", `{"mode":"today"}}`: "f", `{"mode":"today"}]`: "f", `{"mode":"today"} {}`: "f", `{"mode":5}`: "f", `{"mode":"today","x":1}`: "f",
		`{"mode":"fortnight"}`: "f", `{"mode":"today","from":"2026-01-01"}`: "f", `{"from":"2026-01-01"}`: "f", `{"mode":"any","to":"2026-01-01"}`: "f",
		`{"mode":"range","from":"2026-02-01","to":"2026-01-31"}`: "f", `{"mode":"range","from":"2023-02-29"}`: "f.from", `{"mode":"range","to":"2026-1-1"}`: "f.to",
		`{"mode":"range","from":"2026-01-01T00:00:00Z"}`: "f.from",
	} {
		_, err := crm.ParseDateFilter("f", text)
		if err == nil {
			t.Errorf("%s: got no error, want one", text)
			continue
		}
		wantInvalid(t, err, field)
	}
	got, err := crm.ParseDateFilter("f", ` {"mode":"range","from":"2026-01-01"} `)
	equal(t, "filter", got, crm.DateFilter{Mode: crm.DateRange, From: "2026-01-01"})
	wantError(t, err, nil)
}

func TestBadFilters(t *testing.T) {
	t.Parallel()
	e := setup(t)
	long := string(slices.Repeat([]byte("x"), 201))
	for _, c := range []struct {
		f      crm.ContactFilter
		fields []string
	}{
		{crm.ContactFilter{Search: long}, []string{"search"}},
		{crm.ContactFilter{Search: "a\x00"}, []string{"search"}},
		{crm.ContactFilter{Search: "\xff"}, []string{"search"}},
		{crm.ContactFilter{Stages: []crm.Stage{"boss"}}, []string{"stage"}},
		{crm.ContactFilter{TagMode: "none"}, []string{"tagMode"}},
		{crm.ContactFilter{Tags: make([]string, 101)}, []string{"tag"}},
		{crm.ContactFilter{Sources: []string{"\x00"}}, []string{"source"}},
		{crm.ContactFilter{Fields: map[string]string{"a b": "x"}}, []string{"field"}},
		{crm.ContactFilter{TimeZone: "Mars/Olympus"}, []string{"tz"}},
		{crm.ContactFilter{TimeZone: "Local"}, []string{"tz"}},
		{crm.ContactFilter{TimeZone: "../etc/passwd"}, []string{"tz"}},
		{crm.ContactFilter{UpdatedAt: crm.DateFilter{Mode: "x"}}, []string{"updatedAtFilter"}},
		{crm.ContactFilter{CreatedAt: crm.DateFilter{Mode: crm.DateRange, From: "2026-02-01", To: "2026-01-01"}}, []string{"createdAtFilter"}},
		{crm.ContactFilter{LastInteractionAt: crm.DateFilter{Mode: crm.DateRange, To: "x"}}, []string{"lastInteractionAtFilter.to"}},
	} {
		_, err := e.Contacts.List(context.Background(), e.owner, crm.ContactListQuery{Filter: c.f})
		wantInvalid(t, err, c.fields...)
		_, err = e.Exports.Prepare(context.Background(), e.owner, crm.ExportQuery{Filter: c.f})
		wantInvalid(t, err, c.fields...)
	}
}

func TestFilters(t *testing.T) {
	t.Parallel()
	now := newClock("2026-11-23T21:00:00Z")
	e := setup(t, now.config)
	e.create(crm.NewContact{DisplayName: "Ana", Tags: []string{"VIP", "Berlin"}, Stage: crm.StageLead, Emails: []crm.Email{{Address: "a@x.com"}}, Fields: map[string]any{"size": "Größe  L", "n": 7, "yes": true}})
	e.create(crm.NewContact{DisplayName: "Bo", Tags: []string{"vip"}, Source: "import", Phones: []crm.Phone{{Number: "x"}}})
	now.forward(20 * time.Hour) // The next day in UTC, in Tokyo the day after that begins at 15:00 UTC.
	e.create(crm.NewContact{DisplayName: "Cy", Stage: crm.StageCustomer})
	today := crm.DateFilter{Mode: crm.DateToday}
	for _, c := range []struct {
		f    crm.ContactFilter
		want []string
	}{
		{crm.ContactFilter{}, []string{"Ana", "Bo", "Cy"}},
		{crm.ContactFilter{Tags: []string{"vîp"}}, []string{"Ana", "Bo"}},
		{crm.ContactFilter{Tags: []string{"vip", "berlin"}}, []string{"Ana", "Bo"}},
		{crm.ContactFilter{Tags: []string{"vip", "berlin"}, TagMode: crm.TagAll}, []string{"Ana"}},
		{crm.ContactFilter{Stages: []crm.Stage{crm.StageLead, crm.StageCustomer}}, []string{"Ana", "Cy"}},
		{crm.ContactFilter{Sources: []string{"import"}}, []string{"Bo"}},
		{crm.ContactFilter{HasEmail: new(true)}, []string{"Ana"}},
		{crm.ContactFilter{HasEmail: new(false), HasPhone: new(false)}, []string{"Cy"}},
		{crm.ContactFilter{Fields: map[string]string{"size": "grosse l"}}, []string{"Ana"}},
		{crm.ContactFilter{Fields: map[string]string{"n": "7", "yes": "true"}}, []string{"Ana"}},
		{crm.ContactFilter{Fields: map[string]string{"n": "7", "yes": "false"}}, []string{}},
		{crm.ContactFilter{CreatedAt: today}, []string{"Cy"}},
		{crm.ContactFilter{CreatedAt: today, TimeZone: "Asia/Tokyo"}, []string{"Cy"}},
		{crm.ContactFilter{CreatedAt: today, TimeZone: "Pacific/Honolulu"}, []string{"Cy"}},
		{crm.ContactFilter{UpdatedAt: crm.DateFilter{Mode: crm.DateRange, To: "2026-11-23"}}, []string{"Ana", "Bo"}},
		{crm.ContactFilter{CreatedAt: crm.DateFilter{Mode: crm.DateRange, From: "2026-11-24"}, TimeZone: "Asia/Tokyo"}, []string{"Ana", "Bo", "Cy"}},
		{crm.ContactFilter{LastInteractionAt: crm.DateFilter{Mode: crm.DateYear}}, []string{}},
	} {
		for _, search := range []string{"", "a b c"} {
			f := c.f
			want := c.want
			if search != "" { // The index filters like the store.
				f.Search = "ana"
				want = slices.DeleteFunc(slices.Clone(want), func(n string) bool { return n != "Ana" })
			}
			got := e.list(crm.ContactListQuery{Filter: f, Sort: crm.SortDisplayName})
			equalList(t, fmt.Sprintf("%+v", f), names(got.Items), want)
			equal(t, "total", got.Total, len(want))
		}
	}
	if _, err := e.Workspaces.Update(context.Background(), e.owner, crm.WorkspacePatch{TimeZone: new("Asia/Tokyo")}); err != nil {
		t.Fatal(err)
	}
	now.forward(-3 * time.Hour) // 14:00 UTC: 23:00 in Tokyo, the day in which Ana and Bo came at 06:00.
	got := e.list(crm.ContactListQuery{Filter: crm.ContactFilter{CreatedAt: today}, Sort: crm.SortDisplayName})
	equalList(t, "today in the workspace's zone", names(got.Items), []string{"Ana", "Bo"})
}
