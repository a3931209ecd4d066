package crm

import (
	"context"
	"fmt"
	"strings"
)

// ImportOptions are the choices of a preview or commit. Zero values keep what
// the import has.
type ImportOptions struct {
	Mapping     []ImportColumn
	OnDuplicate OnDuplicate
}

// maxNamedColumns bounds how many columns of a file an error lists.
const maxNamedColumns = 50

// applyTo takes options that were checked over into the import.
func (o ImportOptions) applyTo(i *Import) {
	if len(o.Mapping) > 0 {
		i.Mapping = o.Mapping
	}
	if o.OnDuplicate != "" {
		i.OnDuplicate = o.OnDuplicate
	}
}

// differFrom says what the options would change in an import, "" for nothing.
func (o ImportOptions) differFrom(i Import) string {
	switch {
	case o.OnDuplicate != "" && o.OnDuplicate != i.OnDuplicate:
		return "onDuplicate " + string(i.OnDuplicate)
	case len(o.Mapping) > 0 && !sameMapping(o.Mapping, i.Mapping):
		return "another mapping"
	}
	return ""
}

// sameMapping compares what columns are mapped to. A column that is left out
// and one with an empty target are the same: both are kept as they are.
func sameMapping(a, b []ImportColumn) bool {
	type place struct {
		column string
		nth    int
	}
	targets := func(list []ImportColumn) map[place]string {
		seen, out := map[string]int{}, map[place]string{}
		for _, c := range list {
			seen[c.Column]++
			if c.Target != "" {
				out[place{c.Column, seen[c.Column]}] = c.Target
			}
		}
		return out
	}
	ofA, ofB := targets(a), targets(b)
	for p, target := range ofA {
		if ofB[p] != target {
			return false
		}
	}
	return len(ofA) == len(ofB)
}

// checkOptions holds options against the import's file before any job begins:
// a column or target that is not known is a *ValidationError of "mapping[i]".
func (s *ImportService) checkOptions(ctx context.Context, ws WorkspaceID, i Import, o ImportOptions) error {
	switch o.OnDuplicate {
	case "", DuplicateUpdate, DuplicateSkip, DuplicateCreate:
	default:
		return Invalid("onDuplicate", CodeUnknown, "must be update, skip or create")
	}
	if len(o.Mapping) == 0 {
		return nil
	}
	columns, err := s.readHeader(ctx, ws, i, nil)
	if err != nil {
		return err
	}
	if err := checkColumns(columns, o.Mapping, i.Format); err != nil {
		return err
	}
	_, err = s.readHeader(ctx, ws, i, o.Mapping)
	return err
}

// readHeader returns the columns of the file under a mapping, nil for guessed.
func (s *ImportService) readHeader(ctx context.Context, ws WorkspaceID, i Import, mapping []ImportColumn) ([]ImportColumn, error) {
	format, err := s.core.format(i.Format)
	if err != nil {
		return nil, err
	}
	file, err := s.blobs.OpenBlob(ctx, ws, i.Blob, 0)
	if err != nil {
		return nil, fmt.Errorf("open the file: %w", err)
	}
	defer file.Close() //nolint:errcheck // Nothing was written.
	reader, err := format.NewReader(file, ReadOptions{Mapping: mapping})
	if err != nil {
		return nil, err
	}
	return reader.Columns(), nil
}

// checkColumns names what the mapping has and the file has not, and what there
// is instead.
func checkColumns(columns, mapping []ImportColumn, format string) error {
	if len(columns) == 0 {
		return Invalid("mapping", CodeInvalid, "does not go with the format "+format+", which has no columns")
	}
	left := map[string]int{}
	var known []string
	for _, c := range columns {
		left[c.Column]++
		known = append(known, fmt.Sprintf("%q", c.Column))
	}
	if more := len(known) - maxNamedColumns; more > 0 {
		known = append(known[:maxNamedColumns], fmt.Sprintf("and %d more", more))
	}
	var p problems
	for n, m := range mapping {
		if left[m.Column]--; left[m.Column] < 0 {
			p.add(fmt.Sprintf("mapping[%d]", n), CodeUnknown,
				fmt.Sprintf("names the column %q, which the file does not have, or not so often; its columns are %s", m.Column, strings.Join(known, ", ")))
		}
	}
	return p.err()
}
