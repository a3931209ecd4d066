package crm

import (
	"context"
	"slices"
	"time"
)

// InteractionType is what kind of contact there was.
type InteractionType string

// The types of interactions.
const (
	InteractionEmail   InteractionType = "email"
	InteractionCall    InteractionType = "call"
	InteractionMeeting InteractionType = "meeting"
	InteractionNote    InteractionType = "note"
	InteractionMessage InteractionType = "message"
	InteractionWeb     InteractionType = "web"
)

// InteractionTypes lists the types.
func InteractionTypes() []InteractionType {
	return []InteractionType{InteractionEmail, InteractionCall, InteractionMeeting, InteractionNote, InteractionMessage, InteractionWeb}
}

// Direction says from whom an interaction came. Notes have none.
type Direction string

// The directions, seen from the workspace's own people.
const (
	DirectionInbound  Direction = "inbound"
	DirectionOutbound Direction = "outbound"
	DirectionInternal Direction = "internal"
)

// Directions lists the directions.
func Directions() []Direction {
	return []Direction{DirectionInbound, DirectionOutbound, DirectionInternal}
}

// ParticipantRole is what somebody did in an interaction.
type ParticipantRole string

// The roles of participants. Calls and messages have from and to as emails do.
const (
	RoleFrom        ParticipantRole = "from"
	RoleTo          ParticipantRole = "to"
	RoleCc          ParticipantRole = "cc"
	RoleBcc         ParticipantRole = "bcc"
	RoleOrganizer   ParticipantRole = "organizer"
	RoleAttendee    ParticipantRole = "attendee"
	RoleParticipant ParticipantRole = "participant"
)

// ParticipantRoles lists the roles.
func ParticipantRoles() []ParticipantRole {
	return []ParticipantRole{RoleFrom, RoleTo, RoleCc, RoleBcc, RoleOrganizer, RoleAttendee, RoleParticipant}
}

// Limits of an interaction, in characters (Unicode code points) unless said
// otherwise. Those of source and source id are those of contacts.
const (
	MaxSubject      = 1_000
	MaxBody         = 500_000
	MaxParticipants = 200
	MaxAddress      = 254   // of a participant, as typed
	MaxThreadID     = 1_000 // a source's own id of a conversation
)

// Interaction is one email, call, meeting, note, message or visit, with
// contacts. Absent text is "".
type Interaction struct {
	ID        ID
	Type      InteractionType
	Direction Direction // "" for notes
	Subject   string
	Body      string
	// OccurredAt is when it took place or was sent; never in the future.
	OccurredAt   time.Time
	Participants []Participant
	// ThreadID is the source's id of the conversation it is part of.
	ThreadID string
	// Source says where it came from (manual, import, gmail, api, ...); SourceID
	// is that source's own id, unique with it in a workspace.
	Source   string
	SourceID string
	// Batch is the import or sync that brought it, zero for none.
	Batch     ID
	CreatedAt time.Time
	UpdatedAt time.Time
	// Edited says that somebody changed it since it was made. Links that came by
	// themselves, because a contact gained an address, are no edit.
	Edited bool
	// Version grows with every change.
	Version int64
}

// Participant is somebody who took part. One who is linked to a contact is
// shown by that contact's name of today; Name and Address stay as they were
// sent.
type Participant struct {
	Role ParticipantRole
	Name string
	// Address is an email address, a phone number or another handle, as it was
	// given.
	Address string
	// E164 is Address as a phone number ("+12025550123"), empty when it is
	// none. It is always computed, never taken from input.
	E164 string
	// Contact is who it is, zero while nobody is known by the address.
	Contact ID
}

// NewInteraction is the input of a create. Type and OccurredAt are required,
// and at least one contact among the participants where it is made by hand.
type NewInteraction struct {
	Type InteractionType
	// Direction: default outbound, for visits (web) inbound; notes take none.
	Direction    Direction
	Subject      string
	Body         string
	OccurredAt   time.Time
	Participants []NewParticipant
	ThreadID     string
	Source       string // default manual
	SourceID     string
}

// NewParticipant is a participant in an input. It needs a name, an address or a
// contact.
type NewParticipant struct {
	Role    ParticipantRole // default participant
	Name    string
	Address string
	// Contact links to a contact of the workspace. When it is zero, the
	// matching rule looks for the contact of the address; several candidates
	// are none.
	Contact ID
}

// InteractionPatch changes an interaction; nil leaves a field as it is, a
// pointer to the zero value clears it. Participants are replaced whole; where one
// of them was a contact, one must be one again.
type InteractionPatch struct {
	Type         *InteractionType
	Direction    *Direction
	Subject      *string
	Body         *string
	OccurredAt   *time.Time
	Participants *[]NewParticipant
	ThreadID     *string
	// Version, when not 0, must be the current one, else the write is refused
	// as stale.
	Version int64
}

// Contacts returns the contacts that take part, each once, by id.
func (i Interaction) Contacts() []ID {
	var ids []ID
	for _, p := range i.Participants {
		if !p.Contact.IsZero() {
			ids = append(ids, p.Contact)
		}
	}
	slices.SortFunc(ids, compareIDs)
	return slices.Compact(ids)
}

// strangers returns the keys by which the participants who are linked to nobody
// may be found later, sorted and without duplicates.
func (i Interaction) strangers() []ContactKey {
	var keys []ContactKey
	for _, p := range i.Participants {
		if key, ok := p.key(); ok && p.Contact.IsZero() {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, compareKeys)
	return slices.Compact(keys)
}

// key is what the matching rule finds the contact of a participant by.
func (p Participant) key() (ContactKey, bool) {
	switch {
	case p.E164 != "":
		return PhoneKey(p.E164, p.Name), true
	case validEmail(p.Address):
		return EmailKey(p.Address), true
	}
	return ContactKey{}, false
}

// InteractionWrite is one row to write, with everything derived that a store
// needs. Make it with [NewInteractionWrite].
type InteractionWrite struct {
	Interaction Interaction
	// Expect is the version the stored row must have; 0 says that there must
	// be no row with this id.
	Expect int64
	// Contacts are those whose timeline it is in, sorted, each once.
	Contacts []ID
	// Strangers are the keys of the participants who are no contact yet,
	// sorted, each once.
	Strangers []ContactKey
}

// NewInteractionWrite prepares an interaction for a store; expect is the version
// that the stored row must have, 0 for a new one. The interaction must be valid.
func NewInteractionWrite(i Interaction, expect int64) InteractionWrite {
	return InteractionWrite{Interaction: i, Expect: expect, Contacts: i.Contacts(), Strangers: i.strangers()}
}

// InteractionPosition is a place in a timeline: right at the interaction with
// this time and id.
type InteractionPosition struct {
	OccurredAt time.Time
	ID         ID
}

// InteractionQuery asks a store for a page of a contact's timeline: by time,
// the id breaking ties in the same direction.
type InteractionQuery struct {
	Contact ID
	// Type keeps to one type; "" is all.
	Type InteractionType
	Desc bool
	// After, when set, starts right behind that position in the direction of
	// the list.
	After *InteractionPosition
	// Limit is at least 1.
	Limit int
}

// InteractionCriteria select interactions of a workspace. Every set criterion
// must hold.
type InteractionCriteria struct {
	// Batch, when not zero: it came with this one.
	Batch ID
	// Stranger, when its value is not empty: a participant who is no contact
	// has this key.
	Stranger ContactKey
}

// SourceRef names a record by its source and the source's own id.
type SourceRef struct {
	Source, SourceID string
}

// InteractionReader reads interactions.
type InteractionReader interface {
	// GetInteractions returns the interactions of ids in the order of ids,
	// leaving out those it does not have. At most 1,000 ids. A duplicate id is
	// answered once, at its first place.
	GetInteractions(ctx context.Context, ws WorkspaceID, ids []ID) ([]Interaction, error)
	// ListInteractions returns a page of a timeline. An After position need not
	// exist any more. It takes as long for the last page as for the first.
	ListInteractions(ctx context.Context, ws WorkspaceID, q InteractionQuery) ([]Interaction, error)
	// CountInteractions counts the interactions of a contact, of one type or of
	// all (""), but stops at atMost, which is at least 1, and then answers
	// atMost.
	CountInteractions(ctx context.Context, ws WorkspaceID, contact ID, of InteractionType, atMost int) (int, error)
	// ListInteractionIDs returns up to limit matching ids that sort after the
	// id after, in the order of ids.
	ListInteractionIDs(ctx context.Context, ws WorkspaceID, where InteractionCriteria, after ID, limit int) ([]ID, error)
	// StrangerKeys returns those of the keys that a participant who is no contact
	// has, in no order, however many have it. At most 5,000 keys.
	StrangerKeys(ctx context.Context, ws WorkspaceID, keys []ContactKey) ([]ContactKey, error)
	// FindInteractions returns the ids of the interactions with these sources
	// and source ids, in no order, leaving out those it does not have. At most
	// 1,000.
	FindInteractions(ctx context.Context, ws WorkspaceID, refs []SourceRef) (map[SourceRef]ID, error)
}

// InteractionWriter writes interactions.
type InteractionWriter interface {
	// PutInteractions writes all rows or none. A row whose stored version is
	// not Expect is a *ConflictError with ConflictStale (also when the row is
	// gone) and the id; one that should be new but is there, or whose source
	// and source id (when not "") another interaction has, one with
	// ConflictExists and that interaction's id. An interaction stands at most
	// once in one call.
	PutInteractions(ctx context.Context, ws WorkspaceID, writes []InteractionWrite) error
	// DeleteInteractions removes the rows for good and returns how many there
	// were. Absent ids count as nothing. At most 1,000 ids.
	DeleteInteractions(ctx context.Context, ws WorkspaceID, ids []ID) (int, error)
	// RefreshLastInteractions sets LastInteractionAt of the contacts to the time
	// of the newest interaction that they take part in, zero for none. Absent
	// contacts count as nothing, versions and update times stay. Whatever
	// transactions run at the same time, the value is in the end what it would
	// be had they run one after the other. At most 1,000 ids.
	RefreshLastInteractions(ctx context.Context, ws WorkspaceID, contacts []ID) error
}

// InteractionStore keeps interactions. It knows no rule: it stores what it is
// given and answers exactly what it stored, times to the microsecond in UTC,
// participants in their order. All methods are safe for parallel use.
type InteractionStore interface {
	InteractionReader
	InteractionWriter
}
