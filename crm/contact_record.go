package crm

import (
	"time"
)

// ContactRecord is the one JSON shape of a contact: in the API, in JSON-lines
// files and in a store's documents. Absent scalars are null, lists never.
type ContactRecord struct {
	ID                ID              `json:"id"`
	DisplayName       string          `json:"displayName"`
	GivenName         *string         `json:"givenName"`
	FamilyName        *string         `json:"familyName"`
	Emails            []EmailRecord   `json:"emails"`
	Phones            []PhoneRecord   `json:"phones"`
	PrimaryEmail      *string         `json:"primaryEmail"`
	PrimaryPhone      *string         `json:"primaryPhone"`
	Company           *string         `json:"company"`
	JobTitle          *string         `json:"jobTitle"`
	Addresses         []AddressRecord `json:"addresses"`
	Websites          []string        `json:"websites"`
	Birthday          *string         `json:"birthday"`
	Stage             Stage           `json:"stage"`
	Tags              []string        `json:"tags"`
	Notes             *string         `json:"notes"`
	Source            string          `json:"source"`
	SourceID          *string         `json:"sourceId"`
	Fields            map[string]any  `json:"fields"`
	Score             *int            `json:"score"`
	LastInteractionAt *time.Time      `json:"lastInteractionAt"`
	CreatedAt         time.Time       `json:"createdAt"`
	UpdatedAt         time.Time       `json:"updatedAt"`
	DeletedAt         *time.Time      `json:"deletedAt"`
	Version           int64           `json:"version"`
}

// EmailRecord is an [Email] in JSON.
type EmailRecord struct {
	Address string  `json:"address"`
	Label   *string `json:"label"`
	Primary bool    `json:"primary"`
}

// PhoneRecord is a [Phone] in JSON.
type PhoneRecord struct {
	Number  string  `json:"number"`
	E164    *string `json:"e164"`
	Label   *string `json:"label"`
	Primary bool    `json:"primary"`
}

// AddressRecord is an [Address] in JSON.
type AddressRecord struct {
	Label      *string `json:"label"`
	Street     *string `json:"street"`
	City       *string `json:"city"`
	Region     *string `json:"region"`
	PostalCode *string `json:"postalCode"`
	Country    *string `json:"country"`
}

// Record returns the JSON shape of the contact.
func (c Contact) Record() ContactRecord {
	r := ContactRecord{
		ID: c.ID, DisplayName: c.DisplayName, GivenName: orNull(c.GivenName), FamilyName: orNull(c.FamilyName),
		Emails: make([]EmailRecord, len(c.Emails)), Phones: make([]PhoneRecord, len(c.Phones)),
		PrimaryEmail: orNull(c.PrimaryEmail()), PrimaryPhone: orNull(c.PrimaryPhone()),
		Company: orNull(c.Company), JobTitle: orNull(c.JobTitle), Addresses: make([]AddressRecord, len(c.Addresses)),
		Websites: orEmpty(c.Websites), Birthday: orNull(c.Birthday), Stage: c.Stage, Tags: orEmpty(c.Tags),
		Notes: orNull(c.Notes), Source: c.Source, SourceID: orNull(c.SourceID), Fields: c.Fields, Score: c.Score,
		LastInteractionAt: timeOrNull(c.LastInteractionAt), CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt,
		DeletedAt: timeOrNull(c.DeletedAt), Version: c.Version,
	}
	if r.Fields == nil {
		r.Fields = map[string]any{}
	}
	for i, e := range c.Emails {
		r.Emails[i] = EmailRecord{Address: e.Address, Label: orNull(e.Label), Primary: e.Primary}
	}
	for i, p := range c.Phones {
		r.Phones[i] = PhoneRecord{Number: p.Number, E164: orNull(p.E164), Label: orNull(p.Label), Primary: p.Primary}
	}
	for i, a := range c.Addresses {
		r.Addresses[i] = AddressRecord{
			Label: orNull(a.Label), Street: orNull(a.Street), City: orNull(a.City),
			Region: orNull(a.Region), PostalCode: orNull(a.PostalCode), Country: orNull(a.Country),
		}
	}
	return r
}

// Contact is the inverse of [Contact.Record]; PeakVersion, which no record
// shows, is the version.
func (r ContactRecord) Contact() Contact {
	c := Contact{
		ID: r.ID, DisplayName: r.DisplayName, GivenName: orBlank(r.GivenName), FamilyName: orBlank(r.FamilyName),
		Company: orBlank(r.Company), JobTitle: orBlank(r.JobTitle), Birthday: orBlank(r.Birthday), Stage: r.Stage,
		Notes: orBlank(r.Notes), Source: r.Source, SourceID: orBlank(r.SourceID), Score: r.Score,
		LastInteractionAt: orZero(r.LastInteractionAt), CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
		DeletedAt: orZero(r.DeletedAt), Version: r.Version, PeakVersion: r.Version,
	}
	if len(r.Websites) > 0 {
		c.Websites = r.Websites
	}
	if len(r.Tags) > 0 {
		c.Tags = r.Tags
	}
	if len(r.Fields) > 0 {
		c.Fields = r.Fields
	}
	for _, e := range r.Emails {
		c.Emails = append(c.Emails, Email{Address: e.Address, Label: orBlank(e.Label), Primary: e.Primary})
	}
	for _, p := range r.Phones {
		c.Phones = append(c.Phones, Phone{Number: p.Number, E164: orBlank(p.E164), Label: orBlank(p.Label), Primary: p.Primary})
	}
	for _, a := range r.Addresses {
		c.Addresses = append(c.Addresses, Address{
			Label: orBlank(a.Label), Street: orBlank(a.Street), City: orBlank(a.City),
			Region: orBlank(a.Region), PostalCode: orBlank(a.PostalCode), Country: orBlank(a.Country),
		})
	}
	return c
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func orBlank(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func timeOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}
