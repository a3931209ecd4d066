package crmtest

import (
	"slices"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
)

func testFingerprints(t *testing.T, open func(testing.TB) crm.Store) {
	runTests(t, open, []storeTest{
		{"marks are found by their fingerprints", func(f *fixture) {
			f.wantMarks([]int{1, 2})
			f.putMarks(mark{1, 10, 7}, mark{2, 10, 7}, mark{3, 11, 8})
			f.wantMarks([]int{3, 1, 4}, mark{1, 10, 7}, mark{3, 11, 8})
			f.wantMarks(nil)
		}},
		{"the first contact of a fingerprint stays", func(f *fixture) {
			f.putMarks(mark{1, 10, 7})
			f.putMarks(mark{1, 11, 8}, mark{2, 11, 8})
			f.putMarks(mark{2, 12, 9})
			f.wantMarks([]int{1, 2}, mark{1, 10, 7}, mark{2, 11, 8})
		}},
		{"deleting without a batch forgets every mark of the contacts", func(f *fixture) {
			f.putMarks(mark{1, 10, 7}, mark{2, 10, 8}, mark{3, 11, 7}, mark{4, 12, 7})
			f.ok("DeleteFingerprints", f.s.DeleteFingerprints(f.Context(), f.ws, f.ids(10, 12, 77), crm.ID{}))
			f.wantMarks([]int{1, 2, 3, 4}, mark{3, 11, 7})
			f.putMarks(mark{1, 13, 8})
			f.wantMarks([]int{1}, mark{1, 13, 8})
		}},
		{"deleting with a batch forgets only its marks", func(f *fixture) {
			f.putMarks(mark{1, 10, 7}, mark{2, 10, 8}, mark{3, 11, 7}, mark{4, 12, 7})
			f.ok("DeleteFingerprints", f.s.DeleteFingerprints(f.Context(), f.ws, f.ids(10, 12), f.id(7)))
			f.wantMarks([]int{1, 2, 3, 4}, mark{2, 10, 8}, mark{3, 11, 7})
			f.ok("DeleteFingerprints", f.s.DeleteFingerprints(f.Context(), f.ws, f.ids(10, 11), f.id(9)))
			f.wantMarks([]int{1, 2, 3, 4}, mark{2, 10, 8}, mark{3, 11, 7})
		}},
		{"five thousand fingerprints are looked up in one call", func(f *fixture) {
			prints := make([]int, 5_000)
			for i := range prints {
				prints[i] = i
			}
			f.putMarks(mark{7, 1, 7}, mark{4_999, 2, 7}, mark{5_001, 3, 7})
			f.wantMarks(prints, mark{7, 1, 7}, mark{4_999, 2, 7})
		}},
	})
}

// mark is a fingerprint mark by the numbers of its parts.
type mark struct{ print, contact, batch int }

func (f *fixture) print(n int) crm.Fingerprint { return crm.Fingerprint(f.id(n)) }

func (f *fixture) marks(marks []mark) []crm.FingerprintMark {
	var all []crm.FingerprintMark
	for _, m := range marks {
		all = append(all, crm.FingerprintMark{Fingerprint: f.print(m.print), Contact: f.id(m.contact), Batch: f.id(m.batch)})
	}
	return all
}

func (f *fixture) putMarks(marks ...mark) {
	f.Helper()
	f.ok("PutFingerprints", f.s.PutFingerprints(f.Context(), f.ws, f.marks(marks)))
}

// wantMarks checks the marks of the fingerprints, which come in no order.
func (f *fixture) wantMarks(prints []int, want ...mark) {
	f.Helper()
	var ask []crm.Fingerprint
	for _, n := range prints {
		ask = append(ask, f.print(n))
	}
	got, err := f.s.FindFingerprints(f.Context(), f.ws, ask)
	f.ok("FindFingerprints", err)
	slices.SortFunc(got, func(a, b crm.FingerprintMark) int { return compareIDs(crm.ID(a.Fingerprint), crm.ID(b.Fingerprint)) })
	if marks := f.marks(want); !slices.Equal(got, marks) {
		f.Errorf("FindFingerprints of %d: got %v, want %v", len(prints), got, marks)
	}
}
