package fakedata

import (
	"strings"
	"testing"
)

func TestEveryCultureHasEnoughCleanNames(t *testing.T) {
	t.Parallel()
	total := 0
	for _, c := range append(latinCultures(), scriptCultures()...) {
		total += c.weight
		least := 60
		if c.script {
			least = 30
		}
		read := read(c)
		given := read.given[0]
		if c.masculine != "" {
			given = append(given, read.given[1]...)
		}
		for kind, list := range map[string][]name{"given": given, "family": read.families[1]} {
			different := map[string]bool{}
			for _, n := range list {
				different[n.text] = true
				if n.text == "" || n.ascii == "" || strings.Trim(n.ascii, "abcdefghijklmnopqrstuvwxyz") != "" {
					t.Errorf("%s: %s name %q has the plain form %q, want letters a to z", c.country, kind, n.text, n.ascii)
				}
			}
			if got := len(different); got < least {
				t.Errorf("%s: got %d different %s names, want at least %d", c.country, got, kind, least)
			}
		}
		for _, place := range read.places {
			if place.name == "" || place.postal == "" {
				t.Errorf("%s: got place %+v, want a name and a postal pattern", c.country, place)
			}
		}
		for _, road := range read.roads {
			if strings.Count(road, "%") != 1 {
				t.Errorf("%s: street %q, want one place for the number", c.country, road)
			}
		}
	}
	if want := 100; total < want || total > 255 {
		t.Errorf("weights add up to %d, want %d to 255", total, want)
	}
}

func TestFamilyNamesOfWomenEndAsTheyShould(t *testing.T) {
	t.Parallel()
	want := map[string]name{
		"Kowalski":     {"Kowalska", "kowalska"},
		"Nowak":        {"Nowak", "nowak"},
		"Иванов":       {"Иванова", "ivanova"},
		"Никитин":      {"Никитина", "nikitina"},
		"Соловьёв":     {"Соловьёва", "solovyova"},
		"Παπαδόπουλος": {"Παπαδοπούλου", "papadopoulou"},
		"Μακρής":       {"Μακρή", "makri"},
		"Γεωργίου":     {"Γεωργίου", "georgiou"},
	}
	found := 0
	for _, c := range append(latinCultures(), scriptCultures()...) {
		read := read(c)
		for i, n := range read.families[1] {
			w, ok := want[n.text]
			if !ok {
				continue
			}
			found++
			if got := read.families[0][i]; got != w {
				t.Errorf("the feminine of %s: got %v, want %v", n.text, got, w)
			}
		}
	}
	if found != len(want) {
		t.Errorf("names found: got %d, want %d", found, len(want))
	}
}
