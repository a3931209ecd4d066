package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// peace is what a ledger has and what is found, when nothing was lost: three
// contacts, one of them in the trash, an erased one, an interaction, an import of
// two rows, another that was taken back, a job of a batch, and a stream that
// heard of it all. now is when the figures were read, in the middle of a week.
func peace(now time.Time) (*ledger, *seen) {
	l, s := newLedger(), &seen{people: map[string]person{}, talks: map[string]talk{}, imports: map[string]seenImport{}, jobs: map[string]seenJob{}, at: now}
	at := now.Add(-time.Minute)
	add := func(p person, known bool) {
		p.Stage, p.Version, p.CreatedAt = "none", 1, at
		s.people[p.ID] = p
		if known {
			l.acknowledged(p)
		}
		s.log = append(s.log, logged{position: int64(len(s.log) + 1), kind: "contact.created", subject: p.ID, batch: p.Company})
	}
	add(person{ID: "p1", Name: "One", LastAt: &at, Tags: []string{"a"}}, true)
	add(person{ID: "p2", Name: "Two"}, true)
	add(person{ID: "p3", Name: "Three", DeletedAt: &at}, true)
	add(person{ID: "r1", Name: "Row 1", Company: "c"}, false)
	add(person{ID: "r2", Name: "Row 2", Company: "c"}, false)
	t := talk{ID: "t1", SourceID: "s1", At: at, Participants: []participant{{"p1"}}}
	s.talks["t1"] = t
	l.talked(t)
	l.gone("p4")
	s.journal = map[string]bool{"p4": true}
	for id, n := range map[string]fileNote{"i1": {"c", 2, "committed"}, "i2": {"d", 1, "undone"}} {
		l.imported(id, n)
		i := seenImport{Status: n.Status, report: n.Rows}
		i.Counts.Rows, i.Counts.Created = n.Rows, n.Rows
		s.imports[id] = i
	}
	j := seenJob{ID: "j1", Kind: "bulk_update", Status: "succeeded"}
	j.Result.Changed = 2
	s.jobs["j1"] = j
	l.job("j1")
	for _, e := range []logged{
		{kind: "job.queued", subject: "j1", batch: "j1"},
		{kind: "contact.updated", subject: "p1", batch: "j1"},
		{kind: "contact.updated", subject: "p2", batch: "j1"},
		{kind: "job.finished", subject: "j1", batch: "j1"},
	} {
		e.position = int64(len(s.log) + 1)
		s.log = append(s.log, e)
	}
	h := heardStream{start: 1}
	for _, e := range s.log[1:] {
		switch {
		case e.bulk():
			e.subject = ""
		default:
			e.batch = ""
		}
		if e.subject != "" || e.position == 5 || e.position == 8 { // The last of a batch stands for it.
			h.events = append(h.events, e)
		}
	}
	s.heard = []heardStream{h}
	s.figures = seenFigures{
		total: 4, trash: 1, week: 4, talks7: 1, grown: 4, stages: map[string]int{"none": 4}, sources: map[string]int{"api": 4},
		companies: map[string]int{"c": 2}, tags: map[string]int{"a": 1},
	}
	return l, s
}

// change takes a value out of a map, changes it and puts it back.
func change[T any](m map[string]T, id string, f func(*T)) {
	v := m[id]
	f(&v)
	m[id] = v
}

func TestTheChecksOfChaosTurnRed(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, time.March, 4, 12, 0, 0, 0, time.UTC) // A Wednesday.
	if l, s := peace(now); len(l.faults(s)) > 0 {
		t.Fatalf("nothing was forged: got %q, want no faults", l.faults(s))
	}
	for name, c := range map[string]struct {
		forge func(*seen)
		want  string
	}{
		"a contact is lost":                  {func(s *seen) { delete(s.people, "p1") }, "lost: contact p1"},
		"a change is lost":                   {func(s *seen) { change(s.people, "p1", func(p *person) { p.Notes = "older" }) }, "changed: contact p1"},
		"a version is lost":                  {func(s *seen) { change(s.people, "p1", func(p *person) { p.Version = 2 }) }, "changed: contact p1"},
		"a tag is lost":                      {func(s *seen) { change(s.people, "p1", func(p *person) { p.Tags = nil }) }, "changed: contact p1"},
		"a delete is lost":                   {func(s *seen) { change(s.people, "p3", func(p *person) { p.DeletedAt = nil }) }, "changed: contact p3"},
		"a keyed create ran twice":           {func(s *seen) { s.people["p9"] = s.people["p2"] }, "twice: Two"},
		"an erased contact is back":          {func(s *seen) { s.people["p4"] = person{ID: "p4"} }, "back: erased contact p4"},
		"an erase is not in the journal":     {func(s *seen) { delete(s.journal, "p4") }, "lost: the erase of p4"},
		"an interaction of an erased one":    {func(s *seen) { s.talks["t9"] = talk{Participants: []participant{{"p4"}}} }, "back: interaction t9"},
		"an interaction is lost":             {func(s *seen) { delete(s.talks, "t1") }, "lost: interaction t1"},
		"an interaction has another time":    {func(s *seen) { change(s.talks, "t1", func(x *talk) { x.At = now }) }, "changed: interaction t1"},
		"an interaction exists twice":        {func(s *seen) { s.talks["t9"] = s.talks["t1"] }, "twice: s1"},
		"an import is lost":                  {func(s *seen) { delete(s.imports, "i1") }, "lost: import i1"},
		"a row of an import is missing":      {func(s *seen) { delete(s.people, "r2") }, "half: import i1 is committed with 1 rows"},
		"a row is there after the undo":      {func(s *seen) { s.people["r9"] = person{Company: "d"} }, "half: import i2 is undone with 1 rows"},
		"an import counts wrong":             {func(s *seen) { change(s.imports, "i1", func(i *seenImport) { i.Counts.Updated = 1 }) }, "half: import i1 counts"},
		"a report lacks a row":               {func(s *seen) { change(s.imports, "i1", func(i *seenImport) { i.report = 1 }) }, "half: the report of import i1"},
		"an import is stuck":                 {func(s *seen) { change(s.imports, "i1", func(i *seenImport) { i.Status = "committing" }) }, "half: import i1 is committing"},
		"an upload made two imports":         {func(s *seen) { s.imports["i9"] = seenImport{Status: "ready"} }, "twice: import i9 is ready"},
		"a job is lost":                      {func(s *seen) { delete(s.jobs, "j1") }, "lost: job j1"},
		"a job does not end":                 {func(s *seen) { change(s.jobs, "j1", func(j *seenJob) { j.Status = "running" }) }, "no end: job j1"},
		"a job failed":                       {func(s *seen) { change(s.jobs, "j1", func(j *seenJob) { j.Status = "failed" }) }, "no end: job j1"},
		"a job ended twice":                  {func(s *seen) { s.log = append(s.log, logged{10, "job.finished", "j1", "j1"}) }, "twice: job j1"},
		"a job's effect happened twice":      {func(s *seen) { s.log = append(s.log, logged{10, "contact.updated", "p1", "j1"}) }, "twice: contact.updated of p1"},
		"a job reports too much":             {func(s *seen) { change(s.jobs, "j1", func(j *seenJob) { j.Result.Changed = 3 }) }, "twice: job j1 says"},
		"a stream lost an event":             {func(s *seen) { s.heard[0].events = s.heard[0].events[1:] }, "stream 0: lost {position:2"},
		"a stream lost the end of a batch":   {func(s *seen) { s.heard[0].events[4].position = 7 }, "stream 0: lost the end of batch j1"},
		"a stream heard an event twice":      {func(s *seen) { h := &s.heard[0]; h.events = append(h.events, h.events[5]) }, "stream 0: heard 9 after 9"},
		"a stream heard what is not there":   {func(s *seen) { s.heard[0].events[0].subject = "p9" }, "stream 0: heard {position:2"},
		"the total is wrong":                 {func(s *seen) { s.figures.total++ }, "figures: total"},
		"the trash's total is wrong":         {func(s *seen) { s.figures.trash++ }, "figures: total"},
		"the growth is wrong":                {func(s *seen) { s.figures.grown-- }, "figures: total"},
		"this week's figure is wrong":        {func(s *seen) { s.figures.week-- }, "figures: 3 new"},
		"the interactions' figure is wrong":  {func(s *seen) { s.figures.talks7++ }, "figures: 4 new this week and 2"},
		"a facet is wrong":                   {func(s *seen) { s.figures.stages["lead"] = 1 }, "figures: by stage"},
		"the facet of sources is wrong":      {func(s *seen) { s.figures.sources["api"]-- }, "figures: total"},
		"the facet of companies is wrong":    {func(s *seen) { s.figures.companies["c"]++ }, "figures: company c"},
		"a tag's count is wrong":             {func(s *seen) { s.figures.tags["a"]++ }, "figures: by tag"},
		"a last interaction is missing":      {func(s *seen) { change(s.people, "p1", func(p *person) { p.LastAt = nil }) }, "last interaction: of contact p1"},
		"a last interaction is not of a row": {func(s *seen) { change(s.people, "p2", func(p *person) { p.LastAt = &now }) }, "last interaction: of contact p2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, s := peace(now)
			c.forge(s)
			if got := strings.Join(l.faults(s), "\n"); !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestFindableNoticesWhoIsNotFound asks for somebody who is not there.
func TestFindableNoticesWhoIsNotFound(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	x := &chaos{home: h, ledger: newLedger()}
	x.c = h.caller(h.serve())
	id, err := x.c.create("Person there")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		id   string
		want bool
	}{{id, true}, {"another", false}} {
		if got, err := x.finds(person{ID: c.id, Name: "Person there"}); got != c.want || err != nil {
			t.Errorf("finds %s: got %t (%v), want %t", c.id, got, err, c.want)
		}
	}
	missing := x.missing([]person{{ID: id, Name: "Person there"}, {ID: "another", Name: "Person there"}}, time.Now())
	if got, want := fmt.Sprint(missing), "[another Person there]"; got != want {
		t.Errorf("missing: got %s, want %s", got, want)
	}
}
