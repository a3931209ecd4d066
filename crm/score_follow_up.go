package crm

import (
	"fmt"
	"math"
	"time"
)

// FollowUpAction is how to get in touch.
type FollowUpAction string

// The actions. Complete asks for an email or phone first.
const (
	ActionCall     FollowUpAction = "call"
	ActionEmail    FollowUpAction = "email"
	ActionMessage  FollowUpAction = "message"
	ActionMeeting  FollowUpAction = "meeting"
	ActionComplete FollowUpAction = "complete"
)

// FollowUpActions lists the actions.
func FollowUpActions() []FollowUpAction {
	return []FollowUpAction{ActionCall, ActionEmail, ActionMessage, ActionMeeting, ActionComplete}
}

// FollowUp says when to get in touch next and how.
type FollowUp struct {
	// DueAt is the first moment of a day in UTC.
	DueAt time.Time
	// Action and Text are what to do ("Call Ana Ruiz"), Reason is why
	// ("40 days quiet, usually every 12 days").
	Action FollowUpAction
	Text   string
	Reason string
	// Priority orders what is due, 1 to 1,000, the more urgent the higher; 0
	// while it is not due.
	Priority int
}

// Due reports whether it is time.
func (f *FollowUp) Due(now time.Time) bool { return f != nil && !now.Before(f.DueAt) }

const (
	// answerWithin is when a message wants its answer: the day after. After
	// owedFor nobody expects it any more.
	answerWithin = aDay
	owedFor      = 30 * aDay
	// leastWait is how long an answer is waited for at least.
	leastWait = 7 * aDay
	// A silence of more than these days is nobody's rhythm, and one of less no
	// silence.
	leastCadence, mostCadence = 2, 120
	// priorWeight is how many gaps the stage's rhythm counts as, beside those
	// that were seen.
	priorWeight = 2
	// Answers that are owed come before everything else.
	urgentFrom, mostPriority = 500, 1000
	// leastWorth keeps those apart who have nothing to lose yet.
	leastWorth = 0.05
)

// followUp decides. The rhythm is the median gap, drawn to that of the stage
// while few gaps were seen (shrinkage, as in Efron and Morris, Stein's Paradox
// in Statistics, 1977). Whom nobody was in touch with for a year is left in
// peace.
func (h history) followUp(c Contact, worth float64) *FollowUp {
	if c.InTrash() {
		return nil
	}
	f, urgent := h.occasion(c)
	if f == nil {
		return nil
	}
	f.DueAt = nextDay(f.DueAt)
	if !f.Due(h.now) {
		return f
	}
	worth = math.Max(worth, leastWorth)
	if urgent {
		f.Priority = urgentFrom + int(math.Round((mostPriority-urgentFrom)*worth))
		return f
	}
	late := h.now.Sub(f.DueAt).Hours() / 24 / float64(h.cadence(c.Stage))
	urgency := 1 - math.Exp2(-1-late) // From a half on, nearer to 1 with each rhythm that passes.
	f.Priority = max(1, int(math.Round(urgentFrom*worth*urgency)))
	return f
}

// occasion is what asks for a follow-up, and whether that is an answer that is
// owed.
func (h history) occasion(c Contact) (f *FollowUp, owed bool) {
	cadence := time.Duration(h.cadence(c.Stage)) * aDay
	if len(h.exchanges) == 0 {
		if c.Stage == StageNone || c.Stage == "" || h.now.Sub(c.CreatedAt) > scoreYear {
			return nil, false
		}
		reason := fmt.Sprintf("no contact yet; %s for %s", withArticle(string(c.Stage)), countOf(h.wholeDays(c.CreatedAt), "day"))
		return h.by(h.preferred(c), c, c.CreatedAt.Add(cadence), reason), false
	}
	last := h.exchanges[0]
	age, days := h.age(last), h.wholeDays(last.At)
	switch {
	case age > scoreYear:
		return nil, false
	case last.written() && last.Direction == DirectionInbound && age <= owedFor:
		f = h.by(FollowUpAction(last.Type), c, last.At.Add(answerWithin), "they wrote "+agoOf(days)+" and have no answer")
		f.Text = "Answer " + c.DisplayName + " by " + string(last.Type)
		return f, true
	case last.written() && last.Direction == DirectionOutbound:
		action := FollowUpAction(last.Type)
		if len(c.Phones) > 0 {
			action = ActionCall
		}
		return h.by(action, c, last.At.Add(max(cadence, leastWait)), "you wrote "+agoOf(days)+" and have no answer"), false
	}
	reason := countOf(days, "day") + " quiet"
	if usual, ok := h.usual(); ok {
		reason += ", usually every " + everyDays(usual)
	}
	return h.by(h.preferred(c), c, last.At.Add(cadence), reason), false
}

func (h history) by(a FollowUpAction, c Contact, due time.Time, reason string) *FollowUp {
	f := &FollowUp{DueAt: due, Action: a, Reason: reason}
	switch a {
	case ActionCall:
		f.Text = "Call " + c.DisplayName
	case ActionEmail:
		f.Text = "Email " + c.DisplayName
	case ActionMessage:
		f.Text = "Message " + c.DisplayName
	case ActionMeeting:
		f.Text = "Meet " + c.DisplayName
	case ActionComplete:
		f.Text = "Add an email or a phone for " + c.DisplayName
	}
	return f
}

// preferred is the means that was used most in the year and can be used, else a
// call, else an email.
func (h history) preferred(c Contact) FollowUpAction {
	used := map[InteractionType]int{}
	for _, t := range h.lastYear() {
		used[t.Type]++
	}
	possible := []FollowUpAction{}
	if len(c.Phones) > 0 {
		possible = append(possible, ActionCall)
	}
	if len(c.Emails) > 0 {
		possible = append(possible, ActionEmail)
	}
	best := ActionComplete
	if len(possible) > 0 {
		best = possible[0]
	}
	for _, a := range append(possible, ActionMessage, ActionMeeting) {
		if used[InteractionType(a)] > used[InteractionType(best)] {
			best = a
		}
	}
	return best
}

// cadence is after how many days of silence it is time.
func (h history) cadence(s Stage) int {
	prior := stageCadence(s)
	usual, ok := h.usual()
	if !ok {
		return prior
	}
	gaps := len(h.days) - 1
	drawn := math.Round(float64(gaps*usual+priorWeight*prior) / float64(gaps+priorWeight))
	return min(max(int(drawn), leastCadence), mostCadence)
}

// stageCadence is the rhythm of a stage in days, where nothing else is known.
func stageCadence(s Stage) int {
	switch s {
	case StageLead:
		return 7
	case StageProspect:
		return 14
	case StageCustomer:
		return 30
	case StageAdvocate:
		return 60
	case StageNone:
	}
	return 45
}

// nextDay is the first moment of a day in UTC that is not before t: what is due
// changes once a day, when the night's pass orders it.
func nextDay(t time.Time) time.Time {
	start := t.UTC().Truncate(aDay)
	if start.Before(t) {
		start = start.Add(aDay)
	}
	return start
}

func (h history) wholeDays(since time.Time) int { return int(max(0, h.now.Sub(since)) / aDay) }
