package postgres_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/adapters/postgres"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/internal/testkit/pgtest"
)

// traces collects statements, each text once, with the arguments that it was
// first called with.
type traces struct {
	mu   sync.Mutex
	seen map[string]postgres.Traced
}

func (s *traces) add(t postgres.Traced) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen == nil {
		s.seen = map[string]postgres.Traced{}
	}
	if _, ok := s.seen[t.Text]; !ok {
		s.seen[t.Text] = t
	}
}

// checkPlans reads the plans of the statements that the suite of the store made,
// and of the lists, counts and ids for each filter and order, over a filled
// database: none passes over a whole table or index, or sorts more than a page.
// A new statement cannot be forgotten, because the suite has a case for every
// method.
func checkPlans(t *testing.T, suite *traces) {
	t.Helper()
	if got, want := len(suite.seen), 150; got < want {
		t.Errorf("statements seen: got %d, want at least %d", got, want)
	}
	p := openPlanner(t)
	p.checkReading(t)
	for _, s := range suite.seen {
		p.check(t, s)
	}
	for _, s := range everyFilter(t).seen {
		p.check(t, s)
	}
}

// checkReading proves the reader of plans: it finds fault without an index, or
// without a workspace. What it drops comes back.
func (p *planner) checkReading(t *testing.T) {
	t.Helper()
	newest := postgres.Traced{
		Text: "SELECT c.id FROM crm.contacts c WHERE c.workspace = $1 AND NOT c.trashed ORDER BY c.created_at, c.id LIMIT $2",
		Args: []any{largeWorkspace().String(), 50}, Kept: true,
	}
	for _, c := range []struct {
		name, change, want string
		s                  postgres.Traced
	}{
		{"as it is", "SELECT 1", "", newest},
		{"a dropped index", "DROP INDEX crm.contacts_by_created", "sorts", newest},
		{"dropped indexes", "ALTER TABLE crm.tags DROP CONSTRAINT tags_pkey", "reads all of tags", postgres.Traced{Text: "SELECT key FROM crm.tags WHERE workspace = $1", Args: newest.Args[:1]}},
		{"no workspace", "SELECT 1", "not by the workspace", postgres.Traced{Text: "SELECT id FROM crm.contacts WHERE score = $1", Args: []any{5}}},
		{"a whole index", "SELECT 1", "reads all of contacts", postgres.Traced{Text: "SELECT id FROM crm.contacts ORDER BY workspace, id", Kept: true}},
	} {
		for _, text := range []string{"BEGIN", c.change} {
			if _, err := p.conn.ExecContext(t.Context(), text); err != nil {
				t.Fatal(err)
			}
		}
		got := strings.Join(p.faults(t, c.s), "; ")
		if _, err := p.conn.ExecContext(t.Context(), "ROLLBACK"); err != nil {
			t.Fatal(err)
		}
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// planner reads plans over a filled database.
type planner struct{ conn *sqlx.Conn }

func openPlanner(tb testing.TB) *planner {
	tb.Helper()
	db, err := sqlx.Open("postgres", pgtest.URL(tb))
	if err != nil {
		tb.Fatal(err)
	}
	conn, err := db.Connx(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Error(err)
		}
	})
	tb.Cleanup(func() {
		if err := conn.Close(); err != nil {
			tb.Error(err)
		}
	})
	fillForPlans(tb, conn)
	return &planner{conn}
}

// planned are the statements that have plans; the others set something.
var planned = regexp.MustCompile(`^(SELECT|WITH|INSERT|UPDATE|DELETE)\b`)

// looksForAny begins the statement that asks of every table whether it has a row
// at all, before a restore.
const looksForAny = "SELECT EXISTS (SELECT 1 FROM crm.workspaces)"

func (p *planner) check(t *testing.T, s postgres.Traced) {
	t.Helper()
	if !planned.MatchString(s.Text) || strings.HasPrefix(s.Text, looksForAny) {
		return
	}
	for _, fault := range p.faults(t, s) {
		t.Errorf("plan of\n%s\n%s", s.Text, fault)
	}
}

// faults reads the plan for the arguments, and the one for any arguments of what
// is kept prepared: the server makes both, and takes the cheaper one.
func (p *planner) faults(t *testing.T, s postgres.Traced) []string {
	t.Helper()
	faults := p.explain(t, s.Text, s.Args...)
	if s.Kept {
		faults = append(faults, p.generic(t, s.Text)...)
	}
	slices.Sort(faults)
	return slices.Compact(faults)
}

func (p *planner) generic(t *testing.T, text string) []string {
	t.Helper()
	ctx := t.Context()
	if _, err := p.conn.ExecContext(ctx, "PREPARE p AS "+text); err != nil {
		t.Errorf("prepare %s: %v", text, err)
		return nil
	}
	defer func() {
		if _, err := p.conn.ExecContext(ctx, "DEALLOCATE p"); err != nil {
			t.Error(err)
		}
	}()
	var args int
	if err := p.conn.GetContext(ctx, &args, "SELECT cardinality(parameter_types) FROM pg_prepared_statements WHERE name = 'p'"); err != nil {
		t.Fatal(err)
	}
	execute := "EXECUTE p"
	if args > 0 {
		execute += "(" + strings.TrimSuffix(strings.Repeat("NULL, ", args), ", ") + ")"
	}
	if _, err := p.conn.ExecContext(ctx, "SET plan_cache_mode = force_generic_plan"); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if _, err := p.conn.ExecContext(ctx, "RESET plan_cache_mode"); err != nil {
			t.Error(err)
		}
	}()
	return p.explain(t, execute)
}

// explain returns what is wrong with the plan of a statement.
func (p *planner) explain(t *testing.T, text string, args ...any) []string {
	t.Helper()
	var answer []byte
	if err := p.conn.GetContext(t.Context(), &answer, "EXPLAIN (FORMAT JSON) "+text, args...); err != nil {
		t.Errorf("explain %s: %v", text, err)
		return nil
	}
	var plans []struct{ Plan planStep }
	if err := json.Unmarshal(answer, &plans); err != nil {
		t.Fatal(err)
	}
	return plans[0].Plan.faults()
}

// planStep is a step of a plan.
type planStep struct {
	Kind     string     `json:"Node Type"`
	Table    string     `json:"Relation Name"`
	Index    string     `json:"Index Name"`
	Cond     string     `json:"Index Cond"`
	Rows     float64    `json:"Plan Rows"`
	Children []planStep `json:"Plans"`
}

// pageRows is what may be sorted: a page, and what the planner takes a list of
// arguments for.
const pageRows = 1_000

func (s planStep) faults() []string {
	var faults []string
	switch {
	case strings.HasPrefix(s.Table, "pg_"): // the server's own
	case s.Kind == "Seq Scan" && !slices.Contains(smallTables, s.Table):
		faults = append(faults, "reads all of "+s.Table)
	case s.Index != "" && s.Cond == "" && !slices.Contains(wholeIndexes, s.Index):
		faults = append(faults, "reads all of "+s.Index+", not by the workspace")
	case s.Index != "" && s.Cond != "" && !strings.Contains(s.Cond, "workspace") && !slices.Contains(sharedIndexes, s.Index):
		faults = append(faults, "reads "+s.Index+" by "+s.Cond+", not by the workspace")
	case strings.Contains(s.Kind, "Sort") && s.Rows > pageRows:
		faults = append(faults, fmt.Sprintf("sorts %.0f rows", s.Rows))
	}
	for _, child := range s.Children {
		faults = append(faults, child.faults()...)
	}
	return faults
}

// smallTables have a row or a few, or what is gone a moment later.
var smallTables = []string{"event_inbox", "event_log", "event_readers", "write_probe", "restores", "schema_versions"}

// wholeIndexes are read from one end: what they hold is gone a moment later.
var wholeIndexes = []string{"pending_counts_pkey", "pending_counts_by_workspace", "event_inbox_pkey", "tags_forgotten"}

// sharedIndexes are those of what asks for no workspace: the readers of the log,
// the claims of jobs, and what removes what is old.
var sharedIndexes = []string{
	"events_pkey", "event_log_pkey", "event_readers_pkey", "write_probe_pkey", "restores_pkey", "pending_counts_pkey", "event_inbox_pkey",
	"jobs_due", "jobs_later", "jobs_leased", "jobs_cancelling", "jobs_ended",
	"contacts_trashed_by_deleted", "contact_images_by_time", "contact_images_pkey", "idempotency_records_by_time", "blob_uploads_by_time",
	"workspaces_pkey", // of which the id is the workspace
}

// everyFilter lists, counts and reads ids by each filter and order.
func everyFilter(t *testing.T) *traces {
	t.Helper()
	var all traces
	o := postgres.Options{MaxConns: 2}
	o.Trace(func(s postgres.Traced) {
		if strings.Contains(s.Text, "crm.contacts c") {
			all.add(s)
		}
	})
	store, ws := open(t, o), largeWorkspace()
	for _, where := range everyCriteria() {
		for _, by := range crm.ContactSorts() {
			for _, desc := range []bool{false, true} {
				value := crm.SortValue(crm.Contact{}, by)
				for _, after := range []*crm.ContactPosition{nil, {Value: value}} {
					q := crm.ContactQuery{Where: where, Sort: by, Desc: desc, After: after, Limit: 5}
					if _, err := store.ListContacts(t.Context(), ws, q); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		if _, err := store.CountContacts(t.Context(), ws, where, 10); err != nil {
			t.Fatal(err)
		}
		if _, err := store.ListContactIDs(t.Context(), ws, where, crm.ID{}, 5); err != nil {
			t.Fatal(err)
		}
	}
	return &all
}

func everyCriteria() []crm.ContactCriteria {
	yes := true
	some := crm.TimeRange{From: crm.FromMicros(1), To: crm.FromMicros(1_000_000_000_000)}
	all := []crm.ContactCriteria{
		{},
		{Stages: []crm.Stage{crm.StageLead, crm.StageNone}},
		{Tags: []string{"a"}},
		{Tags: []string{"a", "b"}},
		{Tags: []string{"a", "b"}, AllTags: true},
		{Tags: []string{"tag5"}},
		{Sources: []string{"import"}},
		{HasEmail: &yes, HasPhone: &yes},
		{CreatedAt: some, UpdatedAt: some, LastInteractionAt: some},
		{Fields: map[string]string{"x": "y1", "z": "1"}},
		{Words: []string{"ab", "cd"}},
		{
			Stages: []crm.Stage{crm.StageLead}, Tags: []string{"a", "b"}, AllTags: true, Sources: []string{"import"}, HasEmail: &yes,
			CreatedAt: some, Fields: map[string]string{"x": "y1"}, Words: []string{"a"},
		},
	}
	for _, where := range all {
		where.Trash = true
		all = append(all, where)
	}
	return all
}

// withNumbers puts numbers in the place of "$1", "$2", ...
func withNumbers(text string, numbers []any) string {
	for i, n := range numbers {
		text = strings.ReplaceAll(text, fmt.Sprintf("$%d", i+1), fmt.Sprint(n))
	}
	return text
}
