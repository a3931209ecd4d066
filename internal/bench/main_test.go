package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// TestBenchRuns measures a few contacts for a moment: the figures mean nothing,
// but the program must not rot between two uses. The bars that start processes
// are left to make bench.
func TestBenchRuns(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	b := &bench{contacts: 300, rounds: 1, turn: 20 * time.Millisecond, out: &out}
	if err := b.run(t.Context(), "P1,P2,P3,P5,P7,P9,P11,feed"); err != nil {
		t.Fatal(err)
	}
	for _, bar := range []string{"P1 ", "P2 ", "P3 ", "P5 ", "P6 ", "P7 ", "P8 ", "P9 ", "P11", "FEED"} {
		if !strings.Contains(out.String(), "\n"+bar) {
			t.Errorf("got\n%s\nwant a row of %s", out.String(), bar)
		}
	}
}
