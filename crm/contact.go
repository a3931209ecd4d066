package crm

import (
	"context"
	"time"
)

// Stage is where a contact stands in the relationship.
type Stage string

// The stages.
const (
	StageNone     Stage = "none"
	StageLead     Stage = "lead"
	StageProspect Stage = "prospect"
	StageCustomer Stage = "customer"
	StageAdvocate Stage = "advocate"
)

// Stages lists the stages in the order of the relationship.
func Stages() []Stage {
	return []Stage{StageNone, StageLead, StageProspect, StageCustomer, StageAdvocate}
}

// Limits of a contact, in characters (Unicode code points) unless said otherwise.
const (
	MaxDisplayName = 200
	MaxShortText   = 200   // given and family name, company, job title, labels, address lines
	MaxEmail       = 254   // bytes, RFC 5321
	MaxPhone       = 64    // as typed
	MaxWebsite     = 2_048 // as typed
	MaxNotes       = 5_000
	MaxTags        = 100
	MaxTag         = 64
	MaxListed      = 100 // emails, phones, addresses, websites each
	MaxFields      = 200 // custom fields
	MaxFieldKey    = 64
	MaxFieldValue  = 5_000
	MaxSource      = 200   // the name of a source
	MaxSourceID    = 1_000 // a source's own id
	MaxBatch       = 1_000 // contacts in one call
)

// Contact is a person or an organisation. Absent text is "", absent times are
// zero, lists are nil or hold something.
type Contact struct {
	ID          ID
	DisplayName string
	GivenName   string
	FamilyName  string
	Emails      []Email
	Phones      []Phone
	Company     string
	JobTitle    string
	Addresses   []Address
	Websites    []string
	// Birthday is "1958-10-13", or "--10-13" when the year is not known.
	Birthday string
	Stage    Stage
	// Tags in the order they were given. Two spellings that fold alike are one tag.
	Tags  []string
	Notes string
	// Source says where the contact came from (manual, import, api, ...);
	// SourceID is that source's own id, unique with it in a workspace.
	Source   string
	SourceID string
	// Fields holds custom fields: string, float64 or bool by key.
	Fields map[string]any
	// Score is 0 to 100, nil before it was first computed. Derived.
	Score *int
	// LastInteractionAt is derived from the interactions.
	LastInteractionAt time.Time
	CreatedAt         time.Time
	UpdatedAt         time.Time
	// DeletedAt is when the contact went to the trash, zero when it has not.
	DeletedAt time.Time
	// Version names one content of the contact: it grows with every change,
	// and only an undo that restores an earlier content exactly brings its
	// number back.
	Version int64
	// PeakVersion is the highest version the contact ever had; the next
	// change takes the one after it, so that no number is used twice.
	PeakVersion int64
}

// Email is one address of a contact.
type Email struct {
	// Address is kept as typed; addresses are compared without case.
	Address string `json:"address"`
	Label   string `json:"label,omitempty"`
	// Primary is true for exactly one address of a contact that has any.
	Primary bool `json:"primary"`
}

// Phone is one number of a contact.
type Phone struct {
	// Number is kept as typed.
	Number string `json:"number"`
	// E164 is the number in E.164 form ("+12025550123"), empty when it does
	// not parse. It is always computed, never taken from input.
	E164    string `json:"e164,omitempty"`
	Label   string `json:"label,omitempty"`
	Primary bool   `json:"primary"`
}

// Address is a postal address of a contact. Street may hold line breaks.
type Address struct {
	Label      string `json:"label,omitempty"`
	Street     string `json:"street,omitempty"`
	City       string `json:"city,omitempty"`
	Region     string `json:"region,omitempty"`
	PostalCode string `json:"postalCode,omitempty"`
	Country    string `json:"country,omitempty"`
}

// NewContact is the input of a create. Only DisplayName is required, and it is
// made from the other names, the company, an email or a phone where those are
// given and it is blank.
type NewContact struct {
	DisplayName string
	GivenName   string
	FamilyName  string
	Emails      []Email
	Phones      []Phone
	Company     string
	JobTitle    string
	Addresses   []Address
	Websites    []string
	Birthday    string
	Stage       Stage // default none
	Tags        []string
	Notes       string
	Source      string // default manual
	SourceID    string
	Fields      map[string]any
}

// ContactPatch changes a contact; nil leaves a field as it is, a pointer to
// the zero value clears it. Lists are replaced whole. Fields is merged by key,
// a nil value removes the key (RFC 7396).
type ContactPatch struct {
	DisplayName *string
	GivenName   *string
	FamilyName  *string
	Emails      *[]Email
	Phones      *[]Phone
	Company     *string
	JobTitle    *string
	Addresses   *[]Address
	Websites    *[]string
	Birthday    *string
	Stage       *Stage
	Tags        *[]string
	Notes       *string
	Fields      map[string]any
	// ClearFields removes all custom fields before Fields is merged.
	ClearFields bool
	// Version, when not 0, must be the current one, else the write is refused
	// as stale.
	Version int64
}

// InTrash reports whether the contact was deleted and not yet purged.
func (c Contact) InTrash() bool { return !c.DeletedAt.IsZero() }

// PrimaryEmail returns the primary address, or "".
func (c Contact) PrimaryEmail() string {
	for _, e := range c.Emails {
		if e.Primary {
			return e.Address
		}
	}
	return ""
}

// PrimaryPhone returns the primary number as typed, or "".
func (c Contact) PrimaryPhone() string {
	for _, p := range c.Phones {
		if p.Primary {
			return p.Number
		}
	}
	return ""
}

// ContactSort is what a list is ordered by; the id always breaks ties, in the
// same direction.
type ContactSort string

// The sort keys. Contacts without the value come first in ascending order and
// last in descending order.
const (
	SortCreatedAt         ContactSort = "createdAt"
	SortUpdatedAt         ContactSort = "updatedAt"
	SortDisplayName       ContactSort = "displayName"
	SortLastInteractionAt ContactSort = "lastInteractionAt"
	SortScore             ContactSort = "score"
)

// ContactSorts lists the sort keys.
func ContactSorts() []ContactSort {
	return []ContactSort{SortCreatedAt, SortUpdatedAt, SortDisplayName, SortLastInteractionAt, SortScore}
}

// TimeRange is half open: From <= t < To. A zero end is open. A record without
// the time is in no range but the wholly open one.
type TimeRange struct {
	From, To time.Time
}

// IsZero reports whether the range holds every time, and the absent one.
func (r TimeRange) IsZero() bool { return r.From.IsZero() && r.To.IsZero() }

// ContactCriteria selects contacts in a store. Every set criterion must hold.
// All keys are folded already (see [FoldKey]), so that a store compares bytes.
type ContactCriteria struct {
	// Trash selects the trashed contacts instead of the live ones.
	Trash bool
	// Stages: one of them.
	Stages []Stage
	// Tags are folded keys; AllTags asks for all of them, else any is enough.
	Tags    []string
	AllTags bool
	// Sources: one of them, exactly as stored.
	Sources            []string
	HasEmail, HasPhone *bool
	CreatedAt          TimeRange
	UpdatedAt          TimeRange
	LastInteractionAt  TimeRange
	// Fields: for each key, the folded value.
	Fields map[string]string
	// Words are folded words that must each stand somewhere in the contact's
	// search text ([ContactWrite.SearchText]), as a substring. This is the
	// store's plain search.
	Words []string
}

// IsAll reports whether the criteria select every live contact.
func (w ContactCriteria) IsAll() bool { return !w.Trash && w.unfiltered() }

// IsAllTrash reports whether the criteria select every trashed contact.
func (w ContactCriteria) IsAllTrash() bool { return w.Trash && w.unfiltered() }

func (w ContactCriteria) unfiltered() bool {
	return len(w.Stages) == 0 && len(w.Tags) == 0 && len(w.Sources) == 0 && w.HasEmail == nil && w.HasPhone == nil &&
		w.CreatedAt.IsZero() && w.UpdatedAt.IsZero() && w.LastInteractionAt.IsZero() && len(w.Fields) == 0 && len(w.Words) == 0
}

// ContactPosition is a place in an ordered list: right after the contact with
// this sort value and id.
type ContactPosition struct {
	// Value is the contact's value of the sort key: [ContactWrite.NameKey] for
	// SortDisplayName, else a big-endian encoding made by [SortValue].
	Value []byte
	ID    ID
}

// ContactQuery asks a store for a page.
type ContactQuery struct {
	Where ContactCriteria
	Sort  ContactSort
	Desc  bool
	// After, when set, starts right behind that position in the direction of
	// the list. It excludes Offset.
	After  *ContactPosition
	Offset int
	// Limit is at least 1.
	Limit int
}

// KeyKind is what a contact can be found by.
type KeyKind uint8

// The kinds of keys. The numbers are stored: never change them.
const (
	KeySource KeyKind = 1 // "<source>\x00<source id>", unique in a workspace
	KeyEmail  KeyKind = 2 // the address in lower case
	KeyPhone  KeyKind = 3 // "<E.164>\x00<folded words of the display name, sorted>": see [PhoneKey]
	KeyTag    KeyKind = 4 // folded tag
	KeyField  KeyKind = 5 // "<key>\x00<folded value>", the value cut at 200 bytes
)

// ContactKey is one thing a contact can be found by.
type ContactKey struct {
	Kind  KeyKind
	Value string
}

// ContactKeyHit says that a contact holds a key.
type ContactKeyHit struct {
	Key     ContactKey
	Contact ID
}

// ContactWrite is one row to write, with everything derived that a store
// needs, so that no store derives anything itself. Make it with
// [NewContactWrite].
type ContactWrite struct {
	Contact Contact
	// Expect is the version the stored row must have; 0 says that there must
	// be no row with this id.
	Expect int64
	// NameKey orders by display name: bytes compare as names do.
	NameKey []byte
	// SearchText is the folded text the plain search looks in.
	SearchText string
	// Keys is sorted and without duplicates.
	Keys []ContactKey
}

// ContactStore keeps contacts. It knows no rule: it stores what it is given
// and answers exactly what it stored, times to the microsecond in UTC.
// All methods are safe for parallel use.
type ContactStore interface {
	// GetContacts returns the contacts of ids, trashed ones too, in the order
	// of ids, leaving out those it does not have. At most 1,000 ids. A
	// duplicate id is answered once, at its first place.
	GetContacts(ctx context.Context, ws WorkspaceID, ids []ID) ([]Contact, error)
	// ListContacts returns a page in the order of the query, the id breaking
	// ties in the same direction. An After position need not exist any more.
	ListContacts(ctx context.Context, ws WorkspaceID, q ContactQuery) ([]Contact, error)
	// CountContacts counts the matches, but stops at atMost (0 = never) and
	// then answers atMost. With criteria that select all live, or all trashed,
	// contacts it answers the exact number from a figure, at any size, at once.
	CountContacts(ctx context.Context, ws WorkspaceID, where ContactCriteria, atMost int) (int, error)
	// ListContactIDs returns up to limit matching ids that sort after the id
	// after, in the order of ids.
	ListContactIDs(ctx context.Context, ws WorkspaceID, where ContactCriteria, after ID, limit int) ([]ID, error)
	// FindContacts returns who holds any of the keys, trashed contacts too, in
	// no order. At most 5,000 keys.
	FindContacts(ctx context.Context, ws WorkspaceID, keys []ContactKey) ([]ContactKeyHit, error)
	// PutContacts writes all rows or none. A row whose stored version is not
	// Expect is a *ConflictError with ConflictStale (also when the row is
	// gone) and the id; one that should be new but is there, or whose
	// KeySource another contact holds, one with ConflictExists and that
	// contact's id. A contact stands at most once in one call. Score and
	// LastInteractionAt are taken from new rows only: those of stored ones stay.
	PutContacts(ctx context.Context, ws WorkspaceID, writes []ContactWrite) error
	// EraseContacts removes the rows and their keys for good and returns how
	// many there were. Absent ids count as nothing. At most 1,000 ids.
	EraseContacts(ctx context.Context, ws WorkspaceID, ids []ID) (int, error)
}

// Tag is a label with the number of live contacts that carry it.
type Tag struct {
	// Key is the folded tag, Name the spelling that was used first.
	Key   string
	Name  string
	Count int
}

// TagDelta changes the count of a tag by the contacts of one transaction.
type TagDelta struct {
	Key, Name string
	Delta     int
}

// TagStore keeps the tags' spellings and counts.
type TagStore interface {
	// ListTags returns the tags with a count above zero, by key.
	ListTags(ctx context.Context, ws WorkspaceID) ([]Tag, error)
	// AddTagCounts adds the deltas. A tag not seen before takes the name
	// given; a known one keeps its own. One whose count has come to 0 is forgotten,
	// name and all, which may be a person's: it lies in no file any more. No two writers may have to wait for
	// each other because of a tag alone where the database can avoid it.
	AddTagCounts(ctx context.Context, ws WorkspaceID, deltas []TagDelta) error
}

// Image is what a contact was before and after one change, for undo and the
// audit. Images hold personal data: they die with an erase and after 30 days.
type Image struct {
	Contact ID
	// Version is the contact's version after the change.
	Version int64
	// Batch is the import or bulk action that made the change, zero for none.
	Batch ID
	// Row is the record of the import that made the change, 0 where none did.
	Row int64
	At  time.Time
	// Before is nil when the change created the contact; After is nil then
	// too, and when nothing but the version is worth keeping.
	Before, After *Contact
}

// ImageStore keeps images.
type ImageStore interface {
	// PutImages appends images.
	PutImages(ctx context.Context, ws WorkspaceID, images []Image) error
	// ListImages returns up to limit images of a batch, ordered by contact id,
	// then by the order of writing, only of contacts whose id sorts after the
	// id after. All images of the last contact are in the page, even beyond
	// the limit.
	ListImages(ctx context.Context, ws WorkspaceID, batch, after ID, limit int) ([]Image, error)
	// DeleteImages removes every image of the contacts.
	DeleteImages(ctx context.Context, ws WorkspaceID, contacts []ID) error
}
