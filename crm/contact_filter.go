package crm

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// MaxSearchText is how long a search may be, in characters.
const MaxSearchText = 200

// TagMode says whether a tag filter asks for any or all of its tags.
type TagMode string

// The tag modes.
const (
	TagAny TagMode = "any"
	TagAll TagMode = "all"
)

// DateMode is the kind of a date filter.
type DateMode string

// The date modes. Weeks begin on Monday; all begin and end at midnight in the
// filter's time zone.
const (
	DateAny     DateMode = "any"
	DateToday   DateMode = "today"
	DateWeek    DateMode = "week"
	DateMonth   DateMode = "month"
	DateQuarter DateMode = "quarter"
	DateYear    DateMode = "year"
	DateRange   DateMode = "range"
)

// DateFilter selects by a date. The zero value selects everything.
type DateFilter struct {
	Mode DateMode `json:"mode"`
	// From and To are days, "2026-11-23", both inclusive and both optional,
	// for the mode range only.
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
}

// IsZero reports whether the filter selects everything.
func (f DateFilter) IsZero() bool { return f == DateFilter{} || f.Mode == DateAny }

// ParseDateFilter reads the JSON form {"mode", "from", "to"}; field names what
// a *ValidationError speaks of.
func ParseDateFilter(field, text string) (DateFilter, error) {
	var f DateFilter
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	err := d.Decode(&f)
	if _, more := d.Token(); err != nil || !errors.Is(more, io.EOF) {
		return f, Invalid(field, CodeInvalid, `must be JSON such as {"mode":"range","from":"2026-01-01","to":"2026-01-31"}`)
	}
	_, err = f.Range(field, time.UTC, time.Unix(0, 0))
	return f, err
}

// Range resolves the filter at the moment now in the zone. field names what a
// *ValidationError speaks of.
func (f DateFilter) Range(field string, zone *time.Location, now time.Time) (TimeRange, error) {
	if f.Mode != DateRange && (f.From != "" || f.To != "") {
		return TimeRange{}, Invalid(field, CodeInvalid, "takes from and to with the mode range only")
	}
	now = now.In(zone)
	y, m, d := now.Date()
	switch f.Mode {
	case "", DateAny:
		return TimeRange{}, nil
	case DateToday:
		return days(zone, y, m, d, 0, 0, 1), nil
	case DateWeek:
		return days(zone, y, m, d-(int(now.Weekday())+6)%7, 0, 0, 7), nil
	case DateMonth:
		return days(zone, y, m, 1, 0, 1, 0), nil
	case DateQuarter:
		return days(zone, y, (m-1)/3*3+1, 1, 0, 3, 0), nil
	case DateYear:
		return days(zone, y, 1, 1, 1, 0, 0), nil
	case DateRange:
		return f.between(field, zone)
	}
	return TimeRange{}, Invalid(field, CodeUnknown, "must have a mode of any, today, week, month, quarter, year, range")
}

// days returns the range that begins on a day and lasts so many years, months
// and days. time.Date counts in the calendar, so that a day on which clocks
// change has 23 or 25 hours.
func days(zone *time.Location, y int, m time.Month, d, years, months, count int) TimeRange {
	return TimeRange{
		From: dayStart(zone, y, m, d),
		To:   dayStart(zone, y+years, m+time.Month(months), d+count),
	}
}

// dayStart returns the first moment of a day. Where clocks change at midnight
// there is no 00:00, or there are two, and time.Date may answer a moment of
// the day before or the second of the two.
func dayStart(zone *time.Location, y int, m time.Month, d int) time.Time {
	noon := time.Date(y, m, d, 12, 0, 0, 0, zone)
	t := time.Date(y, m, d, 0, 0, 0, 0, zone)
	changed, changes := t.ZoneBounds()
	switch {
	case t.Day() != noon.Day(): // Before the gap; the day begins behind it.
		t = changes
	case t.Hour() != 0 || t.Minute() != 0:
		t = changed
	case !changed.IsZero():
		_, before := changed.Add(-1).Zone()
		_, now := t.Zone()
		if first := t.Add(time.Duration(now-before) * time.Second); before > now && first.Before(changed) && first.In(zone).Day() == t.Day() {
			t = first
		}
	}
	return t.UTC()
}

func (f DateFilter) between(field string, zone *time.Location) (TimeRange, error) {
	var r TimeRange
	if f.From != "" {
		day, err := time.Parse(time.DateOnly, f.From)
		if err != nil {
			return r, Invalid(field+".from", CodeInvalid, "must be a day that exists, as 2026-01-31")
		}
		y, m, d := day.Date()
		r.From = dayStart(zone, y, m, d)
	}
	if f.To != "" {
		day, err := time.Parse(time.DateOnly, f.To)
		if err != nil {
			return r, Invalid(field+".to", CodeInvalid, "must be a day that exists, as 2026-01-31")
		}
		y, m, d := day.Date()
		r.To = dayStart(zone, y, m, d+1)
	}
	if f.From != "" && f.To != "" && f.From > f.To {
		return r, Invalid(field, CodeInvalid, "must not have from after to")
	}
	return r, nil
}

// ContactFilter selects contacts. The zero value selects every live contact.
// Its JSON names are the query parameters of the list.
type ContactFilter struct {
	Search            string            `json:"search,omitempty"`
	Stages            []Stage           `json:"stage,omitempty"`
	Tags              []string          `json:"tag,omitempty"`
	TagMode           TagMode           `json:"tagMode,omitempty"`
	Sources           []string          `json:"source,omitempty"`
	HasEmail          *bool             `json:"hasEmail,omitempty"`
	HasPhone          *bool             `json:"hasPhone,omitempty"`
	CreatedAt         DateFilter        `json:"createdAtFilter,omitzero"`
	UpdatedAt         DateFilter        `json:"updatedAtFilter,omitzero"`
	LastInteractionAt DateFilter        `json:"lastInteractionAtFilter,omitzero"`
	TimeZone          string            `json:"tz,omitempty"`
	Fields            map[string]string `json:"fields,omitempty"`
	Trash             bool              `json:"trash,omitempty"`
}

// maxFilterValues bounds how many values one filter may name.
const maxFilterValues = 100

// criteria checks the filter and resolves it for a store. zone is used where
// the filter names none.
func (f ContactFilter) criteria(zone string, now time.Time) (ContactCriteria, error) {
	var p problems
	if !utf8.ValidString(f.Search) || strings.ContainsRune(f.Search, 0) {
		p.add("search", CodeInvalid, "must be valid UTF-8 without NUL characters")
	} else if utf8.RuneCountInString(strings.TrimSpace(f.Search)) > MaxSearchText {
		p.add("search", CodeTooLong, "must have at most 200 characters")
	}
	where := ContactCriteria{
		Trash: f.Trash, Stages: f.Stages, Sources: f.Sources, HasEmail: f.HasEmail, HasPhone: f.HasPhone, AllTags: f.TagMode == TagAll,
	}
	f.checkLists(&p)
	for _, t := range f.Tags {
		where.Tags = append(where.Tags, FoldKey(p.line("tag", t, MaxTag)))
	}
	for k, v := range f.Fields {
		if !ValidFieldKey(k) || !utf8.ValidString(v) {
			p.add("field", CodeInvalid, "must be field.<key> with a key of letters, digits, _ or -")
			continue
		}
		if where.Fields == nil {
			where.Fields = map[string]string{}
		}
		where.Fields[k] = FieldValueKey(v)
	}
	if f.TimeZone != "" {
		zone = f.TimeZone
	}
	location, err := LoadZone(zone)
	if err != nil {
		p.add("tz", CodeUnknown, "must be an IANA time zone such as Europe/Berlin")
		location = time.UTC
	}
	for _, d := range []struct {
		name string
		f    DateFilter
		to   *TimeRange
	}{
		{"createdAtFilter", f.CreatedAt, &where.CreatedAt},
		{"updatedAtFilter", f.UpdatedAt, &where.UpdatedAt},
		{"lastInteractionAtFilter", f.LastInteractionAt, &where.LastInteractionAt},
	} {
		if *d.to, err = d.f.Range(d.name, location, now); err != nil {
			p.fields = append(p.fields, asValidation(err).Fields...)
		}
	}
	return where, p.err()
}

func (f ContactFilter) checkLists(p *problems) {
	for _, s := range f.Stages {
		if !slices.Contains(Stages(), s) {
			p.add("stage", CodeUnknown, "must be one of none, lead, prospect, customer, advocate")
		}
	}
	if f.TagMode != "" && f.TagMode != TagAny && f.TagMode != TagAll {
		p.add("tagMode", CodeUnknown, "must be any or all")
	}
	p.count("stage", len(f.Stages), maxFilterValues)
	p.count("tag", len(f.Tags), maxFilterValues)
	p.count("source", len(f.Sources), maxFilterValues)
	p.count("field", len(f.Fields), maxFilterValues)
	for _, s := range f.Sources {
		p.line("source", s, MaxSource)
	}
}

// checkChosen refuses what a list passes over as not chosen.
func (f ContactFilter) checkChosen() error {
	var p problems
	blank := func(s string) bool { return strings.TrimSpace(s) == "" }
	for _, list := range []struct {
		name   string
		values []string
	}{{"tag", f.Tags}, {"source", f.Sources}} {
		if slices.ContainsFunc(list.values, blank) {
			p.add(list.name, CodeRequired, "must not be blank; leave it out to mean every contact")
		}
	}
	if f.Search != "" && blank(f.Search) {
		p.add("search", CodeRequired, "must not be blank; leave it out to mean every contact")
	}
	return p.err()
}

func asValidation(err error) *ValidationError {
	v, ok := err.(*ValidationError) //nolint:errorlint // Only for errors made a line ago by Invalid.
	if !ok {
		return &ValidationError{Fields: []FieldError{{Field: "", Code: CodeInvalid, Message: fmt.Sprint(err)}}}
	}
	return v
}
