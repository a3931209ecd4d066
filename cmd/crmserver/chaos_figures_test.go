package main

import (
	"fmt"
	"time"
)

func (l *ledger) figuresEqualRows(s *seen, f *faults) {
	want := seenFigures{stages: map[string]int{}, sources: map[string]int{}, companies: map[string]int{}, tags: map[string]int{}}
	for _, p := range s.people {
		if p.trashed() {
			want.trash++
			continue
		}
		want.total++
		want.stages[p.Stage]++
		want.companies[p.Company]++
		for _, t := range p.Tags {
			want.tags[t]++
		}
	}
	got := s.figures
	sources := 0
	for _, n := range got.sources {
		sources += n
	}
	if got.total != want.total || got.trash != want.trash || got.grown != want.total || sources != want.total {
		f.add("figures: total %d, trash %d, growth %d, by source %d; there are %d and %d in the trash", got.total, got.trash, got.grown, sources, want.total, want.trash)
	}
	for what, pair := range map[string][2]map[string]int{
		"stage": {got.stages, want.stages}, "tag": {got.tags, want.tags},
	} {
		if fmt.Sprint(pair[0]) != fmt.Sprint(pair[1]) {
			f.add("figures: by %s %v, there are %v", what, pair[0], pair[1])
		}
	}
	for company, n := range got.companies { // A facet names the most frequent ones.
		if want.companies[company] != n {
			f.add("figures: company %s %d, there are %d", company, n, want.companies[company])
		}
	}
}

// figuresByTime are those of the dashboard.
func (f *faults) figuresByTime(s *seen) {
	day := s.at.UTC().Truncate(24 * time.Hour)
	monday := day.AddDate(0, 0, -(int(day.Weekday())+6)%7)
	week, talks := 0, 0
	for _, p := range s.people {
		if !p.trashed() && !p.CreatedAt.Before(monday) {
			week++
		}
	}
	for _, t := range s.talks {
		if !t.At.Before(day.AddDate(0, 0, -6)) && t.At.Before(day.AddDate(0, 0, 1)) {
			talks++
		}
	}
	if s.figures.week != week || s.figures.talks7 != talks {
		f.add("figures: %d new this week and %d interactions in 7 days, there are %d and %d", s.figures.week, s.figures.talks7, week, talks)
	}
}

func (l *ledger) lastInteractionsAreRight(s *seen, f *faults) {
	newest := map[string]time.Time{}
	for _, t := range s.talks {
		for _, p := range t.Participants {
			if t.At.After(newest[p.Contact]) {
				newest[p.Contact] = t.At
			}
		}
	}
	for id, p := range s.people {
		var got time.Time
		if p.LastAt != nil {
			got = *p.LastAt
		}
		if !got.Equal(newest[id]) {
			f.add("last interaction: of contact %s is %s, want %s", id, got, newest[id])
		}
	}
}
