package httpapi

import (
	"fmt"
	"maps"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/omnicrm/omnicrm/crm"
)

// interactionPatchInput is the body of PATCH /interactions/{id}: a merge patch
// (RFC 7396). null clears; participants are replaced whole. The limits are those
// of package crm; a test compares them.
type interactionPatchInput struct {
	Type         optional[crm.InteractionType] `json:"type,omitzero"`
	Direction    optional[crm.Direction]       `json:"direction,omitzero" doc:"Default outbound, for type web inbound. Notes have none."`
	Subject      optional[string]              `json:"subject,omitzero" maxLength:"1000"`
	Body         optional[string]              `json:"body,omitzero" maxLength:"500000" doc:"Text."`
	OccurredAt   optional[time.Time]           `json:"occurredAt,omitzero" doc:"When it took place; from 1900 on, not in the future."`
	Participants optional[[]participantInput]  `json:"participants,omitzero" maxItems:"200" doc:"Those without a contactId are linked to the contact of their address. A patch cannot take the last contact out of an interaction: delete it instead."`
	ThreadID     optional[string]              `json:"threadId,omitzero" maxLength:"1000" doc:"The source's id of the conversation."`
}

type participantInput struct {
	Role      crm.ParticipantRole `json:"role,omitempty" doc:"Default participant."`
	Name      *string             `json:"name,omitempty" nullable:"true" maxLength:"200"`
	Address   *string             `json:"address,omitempty" nullable:"true" maxLength:"254" doc:"An email address, a phone number or another handle."`
	ContactID *crm.ID             `json:"contactId,omitempty" nullable:"true" doc:"A contact of the workspace, never the nil UUID."`
}

// newInteractionInput is the body of POST /contacts/{id}/interactions: what a
// patch has, and more.
type newInteractionInput struct {
	interactionPatchInput

	Source   optional[string] `json:"source,omitzero" maxLength:"200" doc:"Where it comes from. Default manual."`
	SourceID optional[string] `json:"sourceId,omitzero" maxLength:"1000" doc:"The source's own id; source and sourceId together are unique."`
}

// TransformSchema adds what is embedded, which the generator leaves out, and what
// a patch may leave out but not a new interaction.
func (newInteractionInput) TransformSchema(r huma.Registry, s *huma.Schema) *huma.Schema {
	maps.Copy(s.Properties, r.Schema(typeOf[interactionPatchInput](), false, "").Properties)
	s.Required = []string{"type", "occurredAt"}
	return s
}

func (in newInteractionInput) newInteraction() (crm.NewInteraction, error) {
	participants, err := participantsOf(in.Participants.value)
	return crm.NewInteraction{
		Type: in.Type.value, Direction: in.Direction.value, Subject: in.Subject.value, Body: in.Body.value, OccurredAt: in.occurredAt().value,
		Participants: participants, ThreadID: in.ThreadID.value, Source: in.Source.value, SourceID: in.SourceID.value,
	}, err
}

func (in interactionPatchInput) patch() (crm.InteractionPatch, error) {
	p := crm.InteractionPatch{
		Type: in.Type.patch(), Direction: in.Direction.patch(), Subject: in.Subject.patch(), Body: in.Body.patch(),
		OccurredAt: in.occurredAt().patch(), ThreadID: in.ThreadID.patch(),
	}
	if list := in.Participants.patch(); list != nil {
		participants, err := participantsOf(*list)
		if err != nil {
			return p, err
		}
		p.Participants = &participants
	}
	return p, nil
}

// occurredAt tells a time of the year 1 from none.
func (in interactionPatchInput) occurredAt() optional[time.Time] {
	at := in.OccurredAt
	if at.given && !at.null {
		at.value = crm.GivenTime(at.value)
	}
	return at
}

func participantsOf(list []participantInput) ([]crm.NewParticipant, error) {
	var out []crm.NewParticipant
	for n, p := range list {
		one := crm.NewParticipant{Role: p.Role, Name: orBlank(p.Name), Address: orBlank(p.Address)}
		if p.ContactID != nil {
			if p.ContactID.IsZero() { // It would pass for one that is not there, and be linked by its address.
				return nil, &placeError{code: codeInvalidBody, err: crm.Invalid(fmt.Sprintf("participants[%d].contactId", n), crm.CodeInvalid,
					"must not be the nil UUID; leave it out instead")}
			}
			one.Contact = *p.ContactID
		}
		out = append(out, one)
	}
	return out, nil
}
