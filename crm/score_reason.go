package crm

import (
	"fmt"
	"strings"
)

// reason says in words where the points of a part come from.
func (h history) reason(part ScorePartName, c Contact) string {
	switch part {
	case PartRecency:
		if len(h.exchanges) == 0 {
			return "no contact yet"
		}
		return "last contact " + agoOf(h.wholeDays(h.exchanges[0].At))
	case PartFrequency:
		return h.frequencyReason()
	case PartReciprocity:
		return h.reciprocityReason()
	case PartStage:
		return "stage " + string(c.Stage)
	case PartCompleteness:
		return completenessReason(c)
	}
	return ""
}

func (h history) frequencyReason() string {
	reason := countOf(h.within(0, trendWindow), "exchange") + " in 90 days"
	if usual, ok := h.usual(); ok {
		reason += ", usually every " + everyDays(usual)
	}
	return reason
}

func (h history) reciprocityReason() string {
	var said []string
	if written, answered := h.answered(Touch.fromUs, Touch.fromThem); written > 0 {
		said = append(said, fmt.Sprintf("they answered %d of %d", answered, written))
	}
	if written, answered := h.answered(Touch.fromThem, Touch.fromUs); written > 0 {
		said = append(said, fmt.Sprintf("you answered %d of %d", answered, written))
	}
	talks := 0
	for _, t := range h.lastYear() {
		if t.mutual() {
			talks++
		}
	}
	switch {
	case talks == 1:
		said = append(said, "1 call or meeting")
	case talks > 1:
		said = append(said, fmt.Sprintf("%d calls and meetings", talks))
	}
	if len(said) == 0 {
		return "nothing went back and forth in a year"
	}
	return strings.Join(said, ", ")
}

func completenessReason(c Contact) string {
	details := detailsOf(c)
	var missing []string
	for _, d := range details {
		if !d.known {
			missing = append(missing, d.name)
		}
	}
	reason := fmt.Sprintf("%d of %d details known", len(details)-len(missing), len(details))
	if len(missing) > 0 {
		reason += "; missing: " + strings.Join(missing, ", ")
	}
	return reason
}

// countOf writes a number with its noun.
func countOf(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func agoOf(days int) string {
	if days == 0 {
		return "today"
	}
	return countOf(days, "day") + " ago"
}

func everyDays(n int) string {
	if n <= 1 {
		return "day"
	}
	return countOf(n, "day")
}

func withArticle(noun string) string {
	if noun != "" && strings.ContainsRune("aeiou", rune(noun[0])) {
		return "an " + noun
	}
	return "a " + noun
}
