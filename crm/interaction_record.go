package crm

import "time"

// InteractionRecord is the one JSON shape of an interaction: in the API and in
// JSON-lines files. Absent scalars are null, lists never.
type InteractionRecord struct {
	ID           ID                  `json:"id"`
	Type         InteractionType     `json:"type"`
	Direction    *string             `json:"direction" doc:"inbound, outbound or internal; null for notes."`
	Subject      *string             `json:"subject"`
	Body         *string             `json:"body"`
	OccurredAt   time.Time           `json:"occurredAt"`
	Participants []ParticipantRecord `json:"participants"`
	ThreadID     *string             `json:"threadId"`
	Source       string              `json:"source"`
	SourceID     *string             `json:"sourceId"`
	BatchID      *ID                 `json:"batchId" nullable:"true" doc:"The import that brought it."`
	CreatedAt    time.Time           `json:"createdAt"`
	UpdatedAt    time.Time           `json:"updatedAt"`
	Version      int64               `json:"version"`
}

// ParticipantRecord is a [Participant] in JSON.
type ParticipantRecord struct {
	Role      ParticipantRole `json:"role"`
	Name      *string         `json:"name"`
	Address   *string         `json:"address"`
	ContactID *ID             `json:"contactId" nullable:"true"`
}

// Record returns the JSON shape of the interaction.
func (i Interaction) Record() InteractionRecord {
	r := InteractionRecord{
		ID: i.ID, Type: i.Type, Direction: orNull(string(i.Direction)), Subject: orNull(i.Subject), Body: orNull(i.Body), OccurredAt: i.OccurredAt,
		Participants: make([]ParticipantRecord, len(i.Participants)), ThreadID: orNull(i.ThreadID), Source: i.Source,
		SourceID: orNull(i.SourceID), BatchID: idOrNull(i.Batch), CreatedAt: i.CreatedAt, UpdatedAt: i.UpdatedAt, Version: i.Version,
	}
	for n, p := range i.Participants {
		r.Participants[n] = ParticipantRecord{Role: p.Role, Name: orNull(p.Name), Address: orNull(p.Address), ContactID: idOrNull(p.Contact)}
	}
	return r
}

func idOrNull(id ID) *ID {
	if id.IsZero() {
		return nil
	}
	return &id
}
