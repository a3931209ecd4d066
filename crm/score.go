package crm

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Touch is what is known of an interaction where a relationship is judged.
type Touch struct {
	Type      InteractionType
	Direction Direction
	At        time.Time
}

// The bounds of what is looked at.
const (
	// MaxTouches is how many touches of a contact are looked at: the newest.
	MaxTouches = 500
	// scoreYear is how far back figures reach; only how long ago the last
	// exchange was is known beyond it.
	scoreYear = 365 * aDay
	aDay      = 24 * time.Hour
)

// ScorePartName names a part of the score.
type ScorePartName string

// The parts of a score.
const (
	PartRecency      ScorePartName = "recency"
	PartFrequency    ScorePartName = "frequency"
	PartReciprocity  ScorePartName = "reciprocity"
	PartStage        ScorePartName = "stage"
	PartCompleteness ScorePartName = "completeness"
)

// ScorePartNames lists the parts in the order of their weight.
func ScorePartNames() []ScorePartName {
	return []ScorePartName{PartRecency, PartFrequency, PartReciprocity, PartStage, PartCompleteness}
}

// ScorePart is what one part adds to a score, and why.
type ScorePart struct {
	Name ScorePartName
	// Points is 0 to Weight, to a tenth.
	Points float64
	// Weight is the most that the part can add. The weights add up to 100.
	Weight int
	// Reason is a sentence with the numbers that the points come from.
	Reason string
}

// Insight is what a contact's data and history say about the relationship.
type Insight struct {
	Contact ID
	// Score is 0 to 100: the sum of the parts.
	Score int
	Parts []ScorePart
	// FollowUp is when to get in touch next and how, nil where nothing asks
	// for it.
	FollowUp *FollowUp
	Trend    Trend
	Forecast Forecast
	// ComputedAt is the moment that all of it is said of.
	ComputedAt time.Time
}

// Reasons returns the reasons of the parts, heaviest part first.
func (i Insight) Reasons() []string {
	reasons := make([]string, len(i.Parts))
	for n, p := range i.Parts {
		reasons[n] = p.Reason
	}
	return reasons
}

// The weights of the parts, and the scales on which they are measured. They are
// choices of ours, not fitted to anybody's data: see docs/insights.md.
const (
	weightRecency      = 35
	weightFrequency    = 25
	weightReciprocity  = 20
	weightStage        = 10
	weightCompleteness = 10

	// recencyHalfLife is after how long a silence the recency is worth half.
	recencyHalfLife = 30 * aDay
	// weightHalfLife is after how long an exchange counts half as much.
	weightHalfLife = 90 * aDay
	// Of so much, frequency and reciprocity have half of their points.
	halfFrequency   = 4.0
	halfReciprocity = 2.0
)

// JudgeContact judges the relationship with a contact at a moment by the newest
// [MaxTouches] of its touches, in any order. It is deterministic and reads
// nothing else.
//
// The score is a weighted sum in the manner of RFM (recency, frequency and here
// reciprocity instead of money; Hughes, Strategic Database Marketing, 1994).
// Recency and the weight of each exchange decay by half-lives, so that nothing
// jumps at the edge of a window; frequency and reciprocity saturate as x/(x+k).
// Every part only grows with its input: a touch that came later, one touch
// more, an answer or a field filled in never lowers a score.
func JudgeContact(c Contact, touches []Touch, now time.Time) Insight {
	h := newHistory(touches, now)
	values := h.values(c)
	i := Insight{Contact: c.ID, Trend: h.trend(c), Forecast: h.forecast(c), ComputedAt: now, Parts: make([]ScorePart, len(values))}
	sum := 0.0
	for n, v := range values {
		sum += v.value * float64(v.weight)
		i.Parts[n] = ScorePart{Name: v.name, Points: math.Round(v.value*float64(v.weight)*10) / 10, Weight: v.weight, Reason: h.reason(v.name, c)}
	}
	i.Score = int(math.Round(sum))
	i.FollowUp = h.followUp(c, worth(values))
	return i
}

// partValue is a part on the scale from 0 to 1.
type partValue struct {
	name   ScorePartName
	value  float64
	weight int
}

func (h history) values(c Contact) []partValue {
	mutual := math.Min(h.theirs, h.ours)
	return []partValue{
		{PartRecency, h.recency(), weightRecency},
		{PartFrequency, h.all / (h.all + halfFrequency), weightFrequency},
		{PartReciprocity, mutual / (mutual + halfReciprocity), weightReciprocity},
		{PartStage, stageValue(c.Stage), weightStage},
		{PartCompleteness, completeness(c), weightCompleteness},
	}
}

// worth is how much there is to lose, 0 to 1: the score without what a silence
// and missing data take off.
func worth(values []partValue) float64 {
	sum, most := 0.0, 0.0
	for _, v := range values {
		if v.name == PartFrequency || v.name == PartReciprocity || v.name == PartStage {
			sum += v.value * float64(v.weight)
			most += float64(v.weight)
		}
	}
	return sum / most
}

// history is the exchanges with a contact and what they add up to. Notes are
// none.
type history struct {
	now time.Time
	// exchanges are newest first.
	exchanges []Touch
	// all, theirs and ours are the decayed weights of the year's exchanges:
	// all together, what came from the contact, and what went to it.
	all, theirs, ours float64
	// days are the numbers of the year's days with an exchange, oldest first.
	days []int
}

func newHistory(touches []Touch, now time.Time) history {
	h := history{now: now}
	for _, t := range touches {
		if touchWeight(t.Type) > 0 {
			h.exchanges = append(h.exchanges, t)
		}
	}
	// In one order, so that sums of floating point numbers come out the same.
	slices.SortFunc(h.exchanges, func(a, b Touch) int {
		return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.Type, b.Type), cmp.Compare(a.Direction, b.Direction))
	})
	h.exchanges = h.exchanges[:min(len(h.exchanges), MaxTouches)]
	for _, t := range h.lastYear() {
		weight := touchWeight(t.Type) * decay(h.age(t), weightHalfLife)
		h.all += weight
		if t.fromThem() {
			h.theirs += weight
		}
		if t.fromUs() {
			h.ours += weight
		}
		h.days = append(h.days, dayNumber(t.At))
	}
	slices.Sort(h.days)
	h.days = slices.Compact(h.days)
	return h
}

// touchWeight is how much an exchange of a type counts: to meet takes more than
// to write.
func touchWeight(t InteractionType) float64 {
	switch t {
	case InteractionMeeting:
		return 3
	case InteractionCall:
		return 2
	case InteractionEmail, InteractionMessage:
		return 1
	case InteractionWeb:
		return 0.5
	case InteractionNote:
	}
	return 0
}

// mutual reports whether both sides take part in an exchange by its nature.
func (t Touch) mutual() bool {
	return (t.Type == InteractionCall || t.Type == InteractionMeeting) && t.Direction != DirectionInternal
}

func (t Touch) fromThem() bool { return t.mutual() || t.Direction == DirectionInbound }
func (t Touch) fromUs() bool   { return t.mutual() || t.Direction == DirectionOutbound }

// written reports whether an exchange waits for an answer.
func (t Touch) written() bool { return t.Type == InteractionEmail || t.Type == InteractionMessage }

// age is how long ago a touch was; a clock that is ahead makes none negative.
func (h history) age(t Touch) time.Duration { return max(0, h.now.Sub(t.At)) }

func (h history) lastYear() []Touch {
	n, _ := slices.BinarySearchFunc(h.exchanges, scoreYear, func(t Touch, most time.Duration) int {
		if h.age(t) <= most {
			return -1
		}
		return 1
	})
	return h.exchanges[:n]
}

// within counts the exchanges of an age from and below to.
func (h history) within(from, to time.Duration) int {
	n := 0
	for _, t := range h.exchanges {
		if age := h.age(t); age >= from && age < to {
			n++
		}
	}
	return n
}

func (h history) recency() float64 {
	if len(h.exchanges) == 0 {
		return 0
	}
	return decay(h.age(h.exchanges[0]), recencyHalfLife)
}

// decay is 1 at once, a half after the half-life, a quarter after two.
func decay(age, halfLife time.Duration) float64 {
	return math.Exp2(-age.Seconds() / halfLife.Seconds())
}

// usual is the median number of days from one conversation to the next, or,
// where there were hardly any, between days with an exchange; false when there
// were fewer than three of either.
func (h history) usual() (days int, ok bool) {
	// A letter and its answer are one conversation, not a rhythm of a day.
	starts := h.days[:min(1, len(h.days)):min(1, len(h.days))]
	for n := 1; n < len(h.days); n++ {
		if h.days[n]-h.days[n-1] > conversationGap {
			starts = append(starts, h.days[n])
		}
	}
	if len(starts) < leastSeen {
		starts = h.days
	}
	if len(starts) < leastSeen {
		return 0, false
	}
	gaps := make([]int, len(starts)-1)
	for n := range gaps {
		gaps[n] = starts[n+1] - starts[n]
	}
	slices.Sort(gaps)
	return (gaps[(len(gaps)-1)/2] + gaps[len(gaps)/2] + 1) / 2, true
}

const (
	// conversationGap is how many days may lie between two days of one
	// conversation.
	conversationGap = 2
	// leastSeen is from how many times on something is usual.
	leastSeen = 3
)

// answerTime is how late an answer may come.
const answerTime = 14 * aDay

// answered counts the written messages of one side in the year and those that
// the other side answered, by whatever means, within 14 days.
func (h history) answered(by, to func(Touch) bool) (written, answered int) {
	year := h.lastYear()
	for n, t := range year {
		if !t.written() || !by(t) {
			continue
		}
		written++
		for m := n - 1; m >= 0 && year[m].At.Sub(t.At) <= answerTime; m-- { // The later ones stand before it.
			if to(year[m]) {
				answered++
				break
			}
		}
	}
	return written, answered
}

func stageValue(s Stage) float64 {
	switch s {
	case StageLead:
		return 0.25
	case StageProspect:
		return 0.5
	case StageCustomer:
		return 0.75
	case StageAdvocate:
		return 1
	case StageNone:
	}
	return 0
}

// completeness is the share of the details that are known.
func completeness(c Contact) float64 {
	details := detailsOf(c)
	known := 0
	for _, d := range details {
		if d.known {
			known++
		}
	}
	return float64(known) / float64(len(details))
}

type detail struct {
	name  string
	known bool
}

// detailsOf are the details that make a contact complete.
func detailsOf(c Contact) []detail {
	return []detail{
		{"email", len(c.Emails) > 0},
		{"phone", len(c.Phones) > 0},
		{"company", c.Company != ""},
		{"job title", c.JobTitle != ""},
		{"given or family name", c.GivenName != "" || c.FamilyName != ""},
		{"address", len(c.Addresses) > 0},
		{"birthday", c.Birthday != ""},
	}
}

func dayNumber(t time.Time) int { return int(math.Floor(float64(t.Unix()) / aDay.Seconds())) }
