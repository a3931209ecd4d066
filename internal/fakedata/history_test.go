package fakedata_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/omnicrm/omnicrm/internal/fakedata"
)

func TestHistory(t *testing.T) {
	t.Parallel()
	draw := func() (people []fakedata.Person, histories [][]fakedata.Exchange) {
		g := fakedata.New(7)
		for range 2_000 {
			p := g.Person()
			people, histories = append(people, p), append(histories, g.History(p))
		}
		return people, histories
	}
	people, histories := draw()
	if _, again := draw(); !reflect.DeepEqual(histories, again) {
		t.Error("the same seed gives another history")
	}
	types, byStage, count := map[string]int{}, map[string]int{}, map[string]int{}
	for n, p := range people {
		count[p.Stage]++
		byStage[p.Stage] += len(histories[n])
		last := 1 << 30
		for _, e := range histories[n] {
			types[e.Type]++
			if e.DaysAgo < 0 || e.DaysAgo > min(p.AgeDays, 730) || e.DaysAgo > last {
				t.Fatalf("%s, added %d days ago: got an exchange %d days ago after one %d days ago", p.DisplayName, p.AgeDays, e.DaysAgo, last)
			}
			last = e.DaysAgo
			if (e.Direction == "") != (e.Type == "note") || e.Minute < 0 || e.Minute >= 24*60 || e.Subject == "" && e.Body == "" {
				t.Errorf("got %+v", e)
			}
		}
	}
	for _, kind := range []string{"email", "call", "meeting", "note", "message", "web"} {
		if types[kind] < 50 {
			t.Errorf("got %d of type %s", types[kind], kind)
		}
	}
	rate := func(stage string) int { return byStage[stage] * 10 / count[stage] }
	if !slices.IsSorted([]int{rate("none"), rate("lead"), rate("customer"), rate("advocate")}) {
		t.Errorf("tenths of exchanges a person: none %d, lead %d, customer %d, advocate %d", rate("none"), rate("lead"), rate("customer"), rate("advocate"))
	}
}
