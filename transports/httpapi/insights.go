package httpapi

import (
	"net/http"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// insightRecord is an insight in JSON.
type insightRecord struct {
	ContactID crm.ID                 `json:"contactId"`
	Score     int                    `json:"score" doc:"0 to 100, the rounded sum of the points."`
	Reasons   []string               `json:"reasons" doc:"Those of the parts."`
	Parts     []scorePartRecord      `json:"parts" doc:"The heaviest first."`
	FollowUp  orNull[followUpRecord] `json:"followUp" doc:"When to get in touch next; null when nothing asks for it."`
	Trend     trendRecord            `json:"trend"`
	Forecast  forecastRecord         `json:"forecast"`
	Computed  time.Time              `json:"computedAt" doc:"The moment that all of it is said of."`
}

type scorePartRecord struct {
	Part   crm.ScorePartName `json:"part"`
	Points float64           `json:"points"`
	Weight int               `json:"weight" doc:"The most points that the part can have; the weights add up to 100."`
	Reason string            `json:"reason"`
}

type followUpRecord struct {
	DueAt  time.Time             `json:"dueAt" doc:"The first moment of a day in UTC."`
	Due    bool                  `json:"due" doc:"Whether it is time."`
	Action suggestedActionRecord `json:"suggestedAction"`
}

type suggestedActionRecord struct {
	Type   crm.FollowUpAction `json:"type" doc:"complete asks for an email or a phone first."`
	Text   string             `json:"text" doc:"Such as Call Ana Ruiz."`
	Reason string             `json:"reason" doc:"Such as 40 days quiet, usually every 12 days."`
}

type trendRecord struct {
	Direction crm.TrendDirection `json:"direction"`
	Recent    int                `json:"recent" doc:"Exchanges in the last 90 days."`
	Before    int                `json:"before" doc:"Exchanges in the 90 days before."`
	Reason    string             `json:"reason"`
}

type forecastRecord struct {
	Chance int    `json:"chance" doc:"Of an exchange in the days ahead, in percent."`
	Days   int    `json:"days" doc:"How many days ahead."`
	Alive  int    `json:"alive" doc:"How likely it is that the relationship has not ended, in percent."`
	Reason string `json:"reason"`
}

func insightRecordOf(i crm.Insight) insightRecord {
	r := insightRecord{
		ContactID: i.Contact, Score: i.Score, Reasons: i.Reasons(), Parts: make([]scorePartRecord, len(i.Parts)), Computed: i.ComputedAt,
		Trend:    trendRecord(i.Trend),
		Forecast: forecastRecord{Chance: i.Forecast.Chance, Days: crm.ForecastDays, Alive: i.Forecast.Alive, Reason: i.Forecast.Reason},
	}
	for n, p := range i.Parts {
		r.Parts[n] = scorePartRecord{Part: p.Name, Points: p.Points, Weight: p.Weight, Reason: p.Reason}
	}
	if f := i.FollowUp; f != nil {
		r.FollowUp.value = &followUpRecord{DueAt: f.DueAt, Due: f.Due(i.ComputedAt), Action: suggestedActionOf(*f)}
	}
	return r
}

func suggestedActionOf(f crm.FollowUp) suggestedActionRecord {
	return suggestedActionRecord{Type: f.Action, Text: f.Text, Reason: f.Reason}
}

// focusRecord is somebody to contact.
type focusRecord struct {
	Contact crm.ContactRecord     `json:"contact"`
	Score   int                   `json:"score" doc:"As it is now; that of the contact is of its last change or the last night."`
	Reasons []string              `json:"reasons"`
	Action  suggestedActionRecord `json:"suggestedAction"`
}

func focusRecordOf(i crm.FocusItem) focusRecord {
	r := focusRecord{Contact: i.Contact.Record(), Score: i.Insight.Score, Reasons: i.Insight.Reasons()}
	if f := i.Insight.FollowUp; f != nil {
		r.Action = suggestedActionOf(*f)
	}
	return r
}

func (h *Handler) getInsights(c *call) error {
	contact, err := c.id("id")
	if err != nil {
		return err
	}
	i, err := h.app.Insights.Get(c.r.Context(), c.actor, contact)
	if err != nil {
		return err
	}
	return c.writeJSON(http.StatusOK, insightRecordOf(i))
}

func (h *Handler) refreshInsights(c *call) error {
	contact, err := c.id("id")
	if err != nil {
		return err
	}
	i, err := h.app.Insights.Refresh(c.r.Context(), c.actor, contact)
	if err != nil {
		return err
	}
	return c.writeJSON(http.StatusOK, insightRecordOf(i))
}

func (h *Handler) listFocus(c *call) error {
	list, err := h.app.Insights.Focus(c.r.Context(), c.actor, crm.FocusQuery{
		Cursor: c.query.Get("cursor"), Limit: c.number("limit", crm.DefaultFocus),
	})
	if err != nil {
		return err
	}
	answer := countedPage(mapped(focusRecordOf)(list.Items), list.NextCursor, list.Total)
	if list.More {
		answer.TotalRelation = relationAtLeast
	}
	return c.writeJSON(http.StatusOK, answer)
}
