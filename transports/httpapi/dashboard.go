package httpapi

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/omnicrm/omnicrm/crm"
)

// dashboardRecord is the dashboard in JSON: a block each, or the code of why
// there is none.
type dashboardRecord struct {
	Totals           blockRecord[totalsRecord]        `json:"totals"`
	Growth           blockRecord[[]growthDay]         `json:"growth" doc:"The last 30 days in the zone asked for: contacts created, and their total at the day's end."`
	InteractionTrend blockRecord[[]trendDay]          `json:"interactionTrend" doc:"Interactions of the last 30 days."`
	RecentContacts   blockRecord[[]crm.ContactRecord] `json:"recentContacts" doc:"The five newest."`
	Activity         blockRecord[[]activityRecord]    `json:"activity" doc:"The ten newest."`
	Focus            blockRecord[[]focusRecord]       `json:"focus" doc:"The five to contact next, with suggested actions."`
	Sync             blockRecord[syncRecord]          `json:"sync"`
	System           blockRecord[systemRecord]        `json:"system" doc:"Measured for this answer."`
}

type totalsRecord struct {
	Contacts          int  `json:"contacts"`
	NewThisWeek       int  `json:"newThisWeek" doc:"Created since Monday."`
	TrendPercent      *int `json:"trendPercent" doc:"Against as much of last week; null when there were none then."`
	Interactions7Days int  `json:"interactions7Days" doc:"Of today and the six days before."`
	FollowUpsDue      int  `json:"followUpsDue" doc:"Contacts that need a follow-up now; 10000 stands for that many or more."`
}

type growthDay struct {
	Date    string `json:"date" format:"date"`
	Created int    `json:"created"`
	Total   int    `json:"total"`
}

type trendDay struct {
	Date  string `json:"date" format:"date"`
	Count int    `json:"count"`
}

type syncRecord struct {
	State    string `json:"state" enum:"off"`
	Accounts []any  `json:"accounts"`
}

type systemRecord struct {
	Database probeRecord `json:"database"`
	Queue    probeRecord `json:"queue"`
	Search   probeRecord `json:"search"`
	Sync     probeRecord `json:"sync"`
	Version  string      `json:"version"`
}

// blockRecord is a block or {"error": code}.
type blockRecord[T any] struct {
	value T
	code  string
}

// MarshalJSON writes the block or its error.
func (b blockRecord[T]) MarshalJSON() ([]byte, error) {
	if b.code != "" {
		return json.Marshal(blockError{b.code})
	}
	return json.Marshal(b.value)
}

type blockError struct {
	Error string `json:"error" doc:"A code of problems, such as unavailable."`
}

// Schema is that of the block, or of its error.
func (blockRecord[T]) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{OneOf: []*huma.Schema{r.Schema(reflect.TypeFor[T](), true, ""), r.Schema(typeOf[blockError](), true, "")}}
}

// blockOf turns a block into its record. What fails is logged: the answer says
// only how it failed.
func blockOf[T, R any](h *Handler, c *call, name string, b crm.Block[T], record func(T) R) blockRecord[R] {
	if b.Err == nil {
		return blockRecord[R]{value: record(b.Value)}
	}
	h.logError(c, "block "+name+" of the dashboard failed", b.Err)
	for _, row := range statusTable() {
		if row.code != "" && row.is(b.Err) {
			return blockRecord[R]{code: row.code}
		}
	}
	return blockRecord[R]{code: codeInternal}
}

// mapped turns a list into records.
func mapped[T, R any](record func(T) R) func([]T) []R {
	return func(list []T) []R {
		records := make([]R, len(list))
		for i, v := range list {
			records[i] = record(v)
		}
		return records
	}
}

func (h *Handler) getDashboard(c *call) error {
	d, err := h.app.Dashboard.Get(c.r.Context(), c.actor, crm.DashboardQuery{TimeZone: c.query.Get("tz")})
	if err != nil {
		return err
	}
	doc := dashboardRecord{
		Totals: blockOf(h, c, "totals", d.Totals, func(t crm.DashboardTotals) totalsRecord { return totalsRecord(t) }),
		Growth: blockOf(h, c, "growth", d.Growth, mapped(func(day crm.GrowthDay) growthDay { return growthDay(day) })),
		InteractionTrend: blockOf(h, c, "interactionTrend", d.InteractionTrend,
			mapped(func(day crm.TrendDay) trendDay { return trendDay(day) })),
		RecentContacts: blockOf(h, c, "recentContacts", d.RecentContacts, mapped(crm.Contact.Record)),
		Activity:       blockOf(h, c, "activity", d.Activity, mapped(activityRecordOf)),
		Focus:          blockOf(h, c, "focus", d.Focus, mapped(focusRecordOf)),
		Sync:           blockRecord[syncRecord]{value: syncRecord{State: statusOff, Accounts: []any{}}},
		System:         blockOf(h, c, "system", d.System, systemRecordOf),
	}
	return c.writeDashboard(doc)
}

const statusOff = "off"

func systemRecordOf(h crm.Health) systemRecord {
	return systemRecord{
		Database: probeRecordOf(h.Database), Queue: probeRecordOf(h.Queue), Search: probeRecordOf(h.Search),
		Sync: probeRecord{Status: statusOff, Detail: "no account is connected"}, Version: h.Version,
	}
}

// writeDashboard sends the document, or 304. How long the parts took to answer
// does not make it another one.
func (c *call) writeDashboard(doc dashboardRecord) error {
	body, err := json.Marshal(doc)
	if err != nil {
		return fmt.Errorf("encode dashboard: %w", err)
	}
	for _, p := range []*probeRecord{&doc.System.value.Database, &doc.System.value.Queue, &doc.System.value.Search} {
		p.LatencyMs = 0
	}
	same, err := json.Marshal(doc)
	if err != nil {
		return fmt.Errorf("encode dashboard: %w", err)
	}
	sum := sha256.Sum256(same)
	tag := `W/"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
	header := c.w.Header()
	header.Set("ETag", tag)
	header.Set("Cache-Control", "private, max-age=30")
	header.Set("Vary", "Authorization, Cookie, X-Workspace-Id")
	for held := range strings.SplitSeq(strings.Join(c.r.Header.Values("If-None-Match"), ","), ",") {
		if held = strings.TrimSpace(held); held == "*" || held == tag {
			c.w.WriteHeader(http.StatusNotModified)
			return nil
		}
	}
	return c.send(http.StatusOK, append(body, '\n'))
}
