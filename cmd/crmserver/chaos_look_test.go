package main

import (
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	_ "modernc.org/sqlite" // To read the log, which the API tells in part.
)

// idsIn finds ids in a text.
var idsIn = regexp.MustCompile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

// look gathers all there is to be held against the ledger.
func (x *chaos) look(listeners []*listener) *seen {
	x.t.Helper()
	s := &seen{people: map[string]person{}, talks: map[string]talk{}, imports: map[string]seenImport{}, jobs: map[string]seenJob{}}
	for _, j := range list[seenJob](x, "/api/v1/jobs") { // Before the exports below, which are jobs too.
		s.jobs[j.ID] = j
	}
	s.log = x.log()
	s.heard = x.hear(listeners, s.log[len(s.log)-1].position)
	for _, trash := range []string{"false", "true"} {
		for line := range strings.Lines(x.text("/api/v1/exports/contacts?format=jsonl&trash=" + trash)) {
			p := read[person](x.t, []byte(line))
			if _, ok := s.people[p.ID]; ok {
				x.t.Errorf("contact %s is exported twice", p.ID)
			}
			s.people[p.ID] = p
		}
	}
	for line := range strings.Lines(x.text("/api/v1/exports/interactions")) {
		t := read[talk](x.t, []byte(line))
		s.talks[t.ID] = t
	}
	for _, i := range list[struct {
		seenImport
		ID string
	}](x, "/api/v1/imports") {
		i.report = strings.Count(x.text("/api/v1/imports/"+i.ID+"/rows?format=csv"), ",created,")
		s.imports[i.ID] = i.seenImport
	}
	s.figures, s.at = x.figuresOfToday()
	s.journal = map[string]bool{}
	for _, id := range idsIn.FindAllString(x.read(filepath.Join("data", journalName)), -1) {
		s.journal[id] = true
	}
	return s
}

// hear waits until all streams are at a position of the log, and returns what
// they heard up to there. They go on.
func (x *chaos) hear(listeners []*listener, end int64) (heard []heardStream) {
	x.t.Helper()
	for _, l := range listeners {
		until(x.t, "a stream is at the end", func() bool { return l.at.Load() >= end })
		heard = append(heard, l.upTo(end))
	}
	return heard
}

func (x *chaos) text(path string) string {
	x.t.Helper()
	status, text, err := x.c.send("GET", path, "", nil)
	if err != nil || status != 200 {
		x.t.Fatalf("GET %s: got %d %s (%v), want 200", path, status, text, err)
	}
	return string(text)
}

// list reads all pages.
func list[T any](x *chaos, path string) (all []T) {
	x.t.Helper()
	cursor := ""
	for {
		query := "?pageSize=200"
		if cursor != "" {
			query += "&cursor=" + url.QueryEscape(cursor)
		}
		page := get[struct {
			Items      []T
			NextCursor string
		}](x.c, path+query)
		all = append(all, page.Items...)
		if cursor = page.NextCursor; cursor == "" {
			return all
		}
	}
}

type valueCount struct {
	Value, Name string
	Count       int
}

func countsOf(values []valueCount) map[string]int {
	m := map[string]int{}
	for _, v := range values {
		m[v.Value+v.Name] = v.Count
	}
	return m
}

// figuresOfToday are the figures with a moment of the day that they are of: they
// are read again where midnight came between.
func (x *chaos) figuresOfToday() (f seenFigures, at time.Time) {
	x.t.Helper()
	for range 2 {
		at = time.Now()
		f = x.figures()
		if day := 24 * time.Hour; at.Truncate(day).Equal(time.Now().Truncate(day)) {
			break
		}
	}
	return f, at
}

func (x *chaos) figures() seenFigures {
	x.t.Helper()
	l := get[struct {
		Total    int
		Degraded bool
		Facets   struct{ Stage, Source, Company []valueCount }
	}](x.c, "/api/v1/contacts?pageSize=1&facets=stage&facets=source&facets=company")
	d := get[struct {
		Totals struct{ Contacts, NewThisWeek, Interactions7Days int }
		Growth []struct{ Total int }
	}](x.c, "/api/v1/dashboard")
	tags := get[struct{ Items []valueCount }](x.c, "/api/v1/tags")
	f := seenFigures{
		total: l.Total, trash: get[found](x.c, "/api/v1/contacts?pageSize=1&trash=true").Total, week: d.Totals.NewThisWeek, talks7: d.Totals.Interactions7Days,
		stages: countsOf(l.Facets.Stage), sources: countsOf(l.Facets.Source), companies: countsOf(l.Facets.Company), tags: countsOf(tags.Items),
	}
	if len(d.Growth) > 0 {
		f.grown = d.Growth[len(d.Growth)-1].Total
	}
	if d.Totals.Contacts != l.Total {
		x.t.Errorf("the dashboard has %d contacts, the list %d", d.Totals.Contacts, l.Total)
	}
	return f
}

// log reads the event log of the file beside the server.
func (x *chaos) log() (events []logged) {
	x.t.Helper()
	x.beside(func(db *sql.DB) error {
		query := "SELECT position, type, subject, batch FROM events ORDER BY position"
		if x.many != nil {
			query = "SELECT position, type, uuid_send(subject), CASE WHEN batch <> '00000000-0000-0000-0000-000000000000' THEN uuid_send(batch) END FROM crm.events ORDER BY position"
		}
		rows, err := db.Query(query)
		if err != nil {
			return err
		}
		defer rows.Close() //nolint:errcheck // Err below has it.
		for rows.Next() {
			var e logged
			var subject, batch []byte
			if err := rows.Scan(&e.position, &e.kind, &subject, &batch); err != nil {
				return err
			}
			e.subject, e.batch = uuidText(subject), uuidText(batch)
			events = append(events, e)
		}
		return rows.Err()
	})
	return events
}

// uuidText is an id as the API writes it, "" for none.
func uuidText(id []byte) string {
	if len(id) == 0 {
		return ""
	}
	h := hex.EncodeToString(id)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// beside uses the database beside a running server, and closes it before that
// ends: else it, not the server, would empty the log.
func (x *chaos) beside(use func(*sql.DB) error) {
	x.t.Helper()
	db, err := x.opened()
	if err == nil {
		err = use(db)
	}
	if err != nil {
		x.t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		x.t.Fatal(err)
	}
}

// unfinished counts the jobs that have not ended, but for the sets of large
// exports, which are kept for a day when nobody has read the file to its end.
func (x *chaos) unfinished() int {
	x.t.Helper()
	n := 0
	for _, c := range get[struct {
		Items []struct {
			Kind, Status string
			Count        int
		}
	}](x.c, "/api/v1/jobs/stats").Items {
		switch c.Status {
		case "succeeded", "failed", "cancelled":
		default:
			if !keptSet(c.Kind, c.Status) {
				n += c.Count
			}
		}
	}
	return n
}

// keptSet tells a set of an export that nobody has read to its end.
func keptSet(kind, status string) bool { return kind == "contact_export" && status == "scheduled" }

// summary is a line of figures for the log of the test.
func (l *ledger) summary(s *seen) string {
	kinds := map[string]int{}
	for _, j := range s.jobs {
		kinds[j.Kind]++
	}
	imports, rows := map[string]int{}, 0
	for _, i := range l.imports {
		imports[i.Status]++
		if i.Status != "ready" {
			rows += i.Rows
		}
	}
	heard := 0
	for _, h := range s.heard {
		heard += len(h.events)
	}
	text, err := json.Marshal(map[string]any{"jobs": kinds, "imports": imports})
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%d writes acknowledged, %d sent again after a kill; %d contacts and %d interactions; %d rows imported; %d events, %d heard by %d streams; %s",
		l.writes, l.again, len(s.people), len(s.talks), rows, len(s.log), heard, len(s.heard), text)
}
