package crm

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	// clockSkew is how far ahead of this clock another one may be.
	clockSkew = 5 * time.Minute
	// earliestYear is the first that an interaction can be of: what lies before
	// it is a broken date, not a letter.
	earliestYear = 1900
)

// interaction validates and normalises. The result has no id, batch, times of
// its own or version, and its participants are linked to nobody but those whom
// the input names.
func (n normalizer) interaction(in NewInteraction, now time.Time) (Interaction, error) {
	var p problems
	i := Interaction{
		Type:         p.interactionType(in.Type),
		Direction:    p.direction(in.Type, in.Direction),
		Subject:      p.line("subject", in.Subject, MaxSubject),
		Body:         p.text("body", in.Body, MaxBody),
		OccurredAt:   p.occurredAt(in.OccurredAt, now),
		Participants: n.participants(&p, in.Participants),
		ThreadID:     p.line("threadId", in.ThreadID, MaxThreadID),
		Source:       p.line("source", in.Source, MaxSource),
		SourceID:     p.line("sourceId", in.SourceID, MaxSourceID),
	}
	if i.Source == "" {
		i.Source = "manual"
	}
	return i, p.err()
}

// input is the inverse of normalizer.interaction, for patches.
func (i Interaction) input() NewInteraction {
	in := NewInteraction{
		Type: i.Type, Direction: i.Direction, Subject: i.Subject, Body: i.Body, OccurredAt: i.OccurredAt,
		ThreadID: i.ThreadID, Source: i.Source, SourceID: i.SourceID,
	}
	for _, p := range i.Participants {
		in.Participants = append(in.Participants, NewParticipant{Role: p.Role, Name: p.Name, Address: p.Address, Contact: p.Contact})
	}
	return in
}

func (p *problems) interactionType(t InteractionType) InteractionType {
	switch {
	case t == "":
		p.add("type", CodeRequired, "must be given: email, call, meeting, note, message or web")
	case !slices.Contains(InteractionTypes(), t):
		p.add("type", CodeUnknown, "must be one of email, call, meeting, note, message, web")
	}
	return t
}

func (p *problems) direction(t InteractionType, d Direction) Direction {
	switch {
	case d == "" && t == InteractionNote:
		return ""
	case d == "" && t == InteractionWeb:
		return DirectionInbound
	case d == "":
		return DirectionOutbound
	case !slices.Contains(Directions(), d):
		p.add("direction", CodeUnknown, "must be one of inbound, outbound, internal")
	case t == InteractionNote:
		p.add("direction", CodeInvalid, "must be left out for notes")
	}
	return d
}

func (p *problems) occurredAt(at, now time.Time) time.Time {
	absent := at.IsZero() // A moment of the year 1 that was given is not, see GivenTime.
	at = at.UTC().Truncate(time.Microsecond)
	switch {
	case absent:
		p.add("occurredAt", CodeRequired, "must be given")
	case at.Year() < earliestYear:
		p.add("occurredAt", CodeInvalid, fmt.Sprintf("must not be before the year %d", earliestYear))
	case at.After(now.Add(clockSkew)):
		p.add("occurredAt", CodeInvalid, "must not be in the future")
	}
	return at
}

// GivenTime makes sure that a time that stands in an input counts as given: the
// zero [time.Time], the begin of the year 1, means none. A nanosecond tells them
// apart, and no rule takes either.
func GivenTime(at time.Time) time.Time {
	if at.IsZero() {
		return at.Add(time.Nanosecond)
	}
	return at
}

func (n normalizer) participants(p *problems, list []NewParticipant) []Participant {
	if !p.count("participants", len(list), MaxParticipants) {
		return nil
	}
	var out []Participant
	for i, in := range list {
		field := fmt.Sprintf("participants[%d]", i)
		one := Participant{
			Role: in.Role, Name: p.line(field+".name", in.Name, MaxShortText),
			Address: p.line(field+".address", in.Address, MaxAddress), Contact: in.Contact,
		}
		if one.Role == "" {
			one.Role = RoleParticipant
		}
		if !slices.Contains(ParticipantRoles(), one.Role) {
			p.add(field+".role", CodeUnknown, "must be one of from, to, cc, bcc, organizer, attendee, participant")
		}
		if one.Name == "" && one.Address == "" && one.Contact.IsZero() {
			if strings.TrimSpace(in.Name+in.Address) == "" {
				p.add(field, CodeRequired, "must have a name, an address or a contactId")
			}
			continue
		}
		if !strings.Contains(one.Address, "@") && strings.ContainsFunc(one.Address, isDigit) {
			one.E164, _ = n.phones.ParsePhone(one.Address, n.region)
		}
		if !slices.Contains(out, one) {
			out = append(out, one)
		}
	}
	return out
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

// apply returns the input that the interaction was made of, changed.
func (p InteractionPatch) apply(i Interaction) NewInteraction {
	in := i.input()
	set(&in.Type, p.Type)
	set(&in.Direction, p.Direction)
	set(&in.Subject, p.Subject)
	set(&in.Body, p.Body)
	set(&in.OccurredAt, p.OccurredAt)
	set(&in.Participants, p.Participants)
	set(&in.ThreadID, p.ThreadID)
	if in.Type == InteractionNote && p.Direction == nil {
		in.Direction = "" // It became a note.
	}
	return in
}

// changedInteraction names what differs between two contents in the API's
// terms, sorted.
func changedInteraction(a, b Interaction) []string {
	var names []string
	for _, f := range []struct {
		name string
		same bool
	}{
		{"batchId", a.Batch == b.Batch},
		{"body", a.Body == b.Body},
		{"direction", a.Direction == b.Direction},
		{"occurredAt", a.OccurredAt.Equal(b.OccurredAt)},
		{"participants", slices.Equal(a.Participants, b.Participants)},
		{"source", a.Source == b.Source},
		{"sourceId", a.SourceID == b.SourceID},
		{"subject", a.Subject == b.Subject},
		{"threadId", a.ThreadID == b.ThreadID},
		{"type", a.Type == b.Type},
	} {
		if !f.same {
			names = append(names, f.name)
		}
	}
	return names
}
