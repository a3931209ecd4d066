package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// row is one line of the result.
type row struct {
	id, what, size  string
	ours, reference string
	ratio, bar      string
	pass            bool
}

type table struct {
	rows   []row
	prefix string // of what was measured
}

func (t *table) add(r row) {
	r.what = t.prefix + r.what
	t.rows = append(t.rows, r)
}

func (t *table) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "BAR\tOPERATION\tSIZE\tOURS\tREFERENCE\tRATIO\tBAR\tPASS")
	for _, r := range t.rows {
		pass := "yes"
		if !r.pass {
			pass = "NO"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.id, r.what, r.size, r.ours, r.reference, r.ratio, r.bar, pass)
	}
	return w.Flush()
}

// median of an odd number of figures is the middle one.
func median(figures []float64) float64 {
	sorted := slices.Sorted(slices.Values(figures))
	if len(sorted) == 0 {
		return 0
	}
	return sorted[len(sorted)/2]
}

// percentile returns the value that the share p of the figures does not exceed.
func percentile(times []time.Duration, p float64) time.Duration {
	if len(times) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(times))
	return sorted[min(len(sorted)-1, int(float64(len(sorted))*p))]
}

func perSecond(n float64) string { return fmt.Sprintf("%.0f/s", n) }

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }

func ms(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d)/1e6) }
