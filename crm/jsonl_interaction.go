package crm

import (
	"strconv"
	"time"
)

// interactionMark is the key that makes a line an interaction: no contact has it.
const interactionMark = "occurredAt"

// readInteraction reads a line that is an interaction.
func (r *jsonReading) readInteraction(v jsonValue) {
	in := &NewInteraction{}
	r.rec.Interaction = in
	for _, m := range v.members {
		switch key := m.key; key {
		case "id":
			r.id(m.value)
		case "type":
			in.Type = InteractionType(r.text(key, m.value))
		case "direction":
			in.Direction = Direction(r.text(key, m.value))
		case "subject":
			in.Subject = r.text(key, m.value)
		case "body":
			in.Body = r.text(key, m.value)
		case interactionMark:
			in.OccurredAt = r.moment(key, m.value)
		case "participants":
			in.Participants = r.participants(key, m.value)
		case "threadId":
			in.ThreadID = r.text(key, m.value)
		case "source":
			in.Source = r.text(key, m.value)
		case "sourceId":
			in.SourceID = r.text(key, m.value)
		case "batchId", "createdAt", "updatedAt", "version":
			// Ours to make, not a file's to say.
		default:
			r.rec.Dropped = append(r.rec.Dropped, cutBytes(key, maxKeyValue))
		}
	}
}

// moment reads a time as RFC 3339 has it.
func (r *jsonReading) moment(field string, v jsonValue) time.Time {
	text := r.text(field, v)
	if text == "" {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		r.problem(field, "must be a time such as 2026-01-31T09:30:00Z")
	}
	return GivenTime(at)
}

func (r *jsonReading) participants(field string, v jsonValue) []NewParticipant {
	var list []NewParticipant
	for i, m := range r.items(field, v) {
		at := field + "[" + strconv.Itoa(i) + "]"
		if m.value.kind != jsonObject {
			r.problem(at, "must be an object")
			continue
		}
		list = append(list, r.participant(at, m.value))
	}
	return list
}

func (r *jsonReading) participant(at string, v jsonValue) NewParticipant {
	var p NewParticipant
	for _, m := range v.members {
		switch path := at + "." + m.key; m.key {
		case "role":
			p.Role = ParticipantRole(r.text(path, m.value))
		case "name":
			p.Name = r.text(path, m.value)
		case "address":
			p.Address = r.text(path, m.value)
		case "contactId":
			if text := r.text(path, m.value); text != "" {
				id, err := ParseID(text)
				if err != nil {
					r.problem(path, "must be a UUID; leave it out for somebody who is found by the address")
				}
				p.Contact = id
			}
		default:
			r.rec.Dropped = append(r.rec.Dropped, cutBytes(path, maxKeyValue))
		}
	}
	return p
}
