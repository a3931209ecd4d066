package main

import (
	"fmt"
	"slices"
	"strings"
)

// faults holds what was found against what was acknowledged and returns what is
// wrong, a line each. It looks at nothing else, so that a test can forge what
// was found; see TestTheChecksOfChaosTurnRed.
func (l *ledger) faults(s *seen) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found faults
	for _, check := range []func(*ledger, *seen, *faults){
		(*ledger).contactsAreThere, (*ledger).erasedAreGone, (*ledger).nothingExistsTwice, (*ledger).talksAreThere, (*ledger).importsAreWhole,
		(*ledger).jobsEndOnce, (*ledger).streamsMissNothing, (*ledger).figuresEqualRows, (*ledger).lastInteractionsAreRight,
	} {
		check(l, s, &found)
	}
	found.figuresByTime(s)
	slices.Sort(found)
	return found
}

type faults []string

func (f *faults) add(format string, args ...any) { *f = append(*f, fmt.Sprintf(format, args...)) }

// differ returns how a contact differs from what was acknowledged, "" for not.
func (p person) differ(got person) string {
	text := func(p person) string {
		return fmt.Sprint(p.Name, " ", p.Notes, " ", p.Stage, " ", slices.Sorted(slices.Values(p.Tags)), " v", p.Version, " trashed ", p.trashed())
	}
	want, is := text(p), text(got)
	if want == is {
		return ""
	}
	return "is " + is + ", was acknowledged as " + want
}

func (l *ledger) contactsAreThere(s *seen, f *faults) {
	for id, want := range l.people {
		got, ok := s.people[id]
		if !ok {
			f.add("lost: contact %s %s", id, want.Name)
			continue
		}
		if text := want.differ(got); text != "" {
			f.add("changed: contact %s %s", id, text)
		}
	}
}

// erasedAreGone, with what they said, and written down for those who restore a
// backup.
func (l *ledger) erasedAreGone(s *seen, f *faults) {
	for id := range l.erased {
		if _, ok := s.people[id]; ok {
			f.add("back: erased contact %s", id)
		}
		if !s.journal[id] {
			f.add("lost: the erase of %s from the journal", id)
		}
	}
	for id, t := range s.talks {
		if slices.ContainsFunc(t.Participants, func(p participant) bool { return l.erased[p.Contact] }) {
			f.add("back: interaction %s of an erased contact", id)
		}
	}
}

// nothingExistsTwice relies on that every name is given to one contact only, and
// every source id to one interaction.
func (l *ledger) nothingExistsTwice(s *seen, f *faults) {
	names, sources := map[string]int{}, map[string]int{}
	for _, p := range s.people {
		names[p.Name]++
	}
	for _, t := range s.talks {
		sources[t.SourceID]++
	}
	for _, m := range []map[string]int{names, sources} {
		for name, n := range m {
			if n > 1 {
				f.add("twice: %s exists %d times", name, n)
			}
		}
	}
}

func (l *ledger) talksAreThere(s *seen, f *faults) {
	for id, want := range l.talks {
		got, ok := s.talks[id]
		switch {
		case !ok:
			f.add("lost: interaction %s", id)
		case got.Subject != want.Subject || !got.At.Equal(want.At) || got.Version != want.Version || len(got.Participants) != len(want.Participants):
			f.add("changed: interaction %s is %+v, was acknowledged as %+v", id, got, want)
		}
	}
}

// importsAreWhole: all rows of a committed import are there, none of another, and
// every upload, which is sent until it is answered, made one import.
func (l *ledger) importsAreWhole(s *seen, f *faults) {
	rows := map[string]int{}
	for _, p := range s.people {
		rows[p.Company]++
	}
	for id, want := range l.imports {
		got, ok := s.imports[id]
		if !ok {
			f.add("lost: import %s", id)
			continue
		}
		there, wanted := rows[want.Company], 0
		if want.Status == "committed" {
			wanted = want.Rows
		}
		c := got.Counts
		if got.Status != want.Status || there != wanted {
			f.add("half: import %s is %s with %d rows there, was acknowledged as %s with %d", id, got.Status, there, want.Status, wanted)
		}
		if c.Rows != want.Rows || c.Created != want.Rows || c.Updated+c.Unchanged+c.Ambiguous+c.Problems != 0 {
			f.add("half: import %s counts %+v, want %d created; it is %s", id, c, want.Rows, got.Status)
		}
		if want.Status == "committed" && got.report != want.Rows {
			f.add("half: the report of import %s has %d rows created, want %d", id, got.report, want.Rows)
		}
	}
	for id, got := range s.imports {
		if _, ok := l.imports[id]; !ok {
			f.add("twice: import %s is %s with %d rows, and no upload was answered with it", id, got.Status, got.Counts.Rows)
		}
	}
}

// jobsEndOnce: every job has ended as it should, with one beginning and one end
// in the log, and what belongs to a batch happened once to each contact.
func (l *ledger) jobsEndOnce(s *seen, f *faults) {
	for id := range l.jobs {
		if _, ok := s.jobs[id]; !ok {
			f.add("lost: job %s", id)
		}
	}
	queued, ended, changes := map[string]int{}, map[string]int{}, map[string]int{}
	effects := map[logged]int{}
	for _, e := range s.log {
		switch {
		case e.kind == "job.queued":
			queued[e.subject]++
		case e.kind == "job.finished":
			ended[e.subject]++
		case e.bulk():
			changes[e.batch]++
			effects[logged{kind: e.kind, subject: e.subject, batch: e.batch}]++
		}
	}
	for id, j := range s.jobs {
		ends := 1
		switch {
		case keptSet(j.Kind, j.Status):
			ends = 0
		case j.Kind == "contact_export" && j.Status == "cancelled": // Its reader was cut off.
		case j.Status != "succeeded":
			f.add("no end: job %s of kind %s is %s %v", id, j.Kind, j.Status, j.Error)
		}
		if queued[id] != 1 || ended[id] != ends {
			f.add("twice: job %s of kind %s began %d times and ended %d times", id, j.Kind, queued[id], ended[id])
		}
		if j.Kind == "bulk_update" && changes[id] != j.Result.Changed {
			f.add("twice: job %s says that it changed %d contacts, the log has %d changes", id, j.Result.Changed, changes[id])
		}
	}
	for e, n := range effects {
		if n > 1 {
			f.add("twice: %s of %s %d times in batch %s", e.kind, e.subject, n, e.batch)
		}
	}
}

// bulk is crm.Event.Bulk.
func (e logged) bulk() bool {
	return e.batch != "" && (strings.HasPrefix(e.kind, "contact.") || strings.HasPrefix(e.kind, "interaction."))
}

// streamsMissNothing: every event since its beginning, once and in order; of a
// batch the last.
func (l *ledger) streamsMissNothing(s *seen, f *faults) {
	at := map[int64]logged{}
	for _, e := range s.log {
		at[e.position] = e
	}
	for n, stream := range s.heard {
		last, heard, batches := stream.start, map[int64]bool{}, map[string]int64{}
		for _, e := range stream.events {
			if e.position <= last {
				f.add("stream %d: heard %d after %d", n, e.position, last)
			}
			last = max(last, e.position)
			want := at[e.position]
			if want.bulk() {
				batches[want.batch] = e.position
				want.subject = e.subject // It stands for the batch.
			} else {
				want.batch = e.batch // Only told of batches.
			}
			if want != e {
				f.add("stream %d: heard %+v, the log has %+v", n, e, want)
			}
			heard[e.position] = true
		}
		ends := map[string]int64{}
		for _, e := range s.log {
			switch {
			case e.position <= stream.start:
			case e.bulk():
				ends[e.batch] = e.position
			case !heard[e.position]:
				f.add("stream %d: lost %+v", n, e)
			}
		}
		for batch, end := range ends {
			if batches[batch] != end {
				f.add("stream %d: lost the end of batch %s: heard %d, want %d", n, batch, batches[batch], end)
			}
		}
	}
}
