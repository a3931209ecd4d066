package httpapi

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/omnicrm/omnicrm/crm"
)

// contactPatchInput is the body of PATCH /contacts/{id}: a merge patch (RFC
// 7396). null clears; lists are replaced whole. The limits are those of package
// crm; a test compares them.
type contactPatchInput struct {
	DisplayName optional[string]          `json:"displayName,omitzero" maxLength:"200" doc:"The name that is shown. Made from another name, the company, an email or a phone when a create leaves it out."`
	GivenName   optional[string]          `json:"givenName,omitzero" maxLength:"200"`
	FamilyName  optional[string]          `json:"familyName,omitzero" maxLength:"200"`
	Emails      optional[[]emailInput]    `json:"emails,omitzero" maxItems:"100" doc:"The first is primary unless one says so."`
	Phones      optional[[]phoneInput]    `json:"phones,omitzero" maxItems:"100" doc:"The first is primary unless one says so."`
	Company     optional[string]          `json:"company,omitzero" maxLength:"200"`
	JobTitle    optional[string]          `json:"jobTitle,omitzero" maxLength:"200"`
	Addresses   optional[[]addressInput]  `json:"addresses,omitzero" maxItems:"100"`
	Websites    optional[[]string]        `json:"websites,omitzero" maxItems:"100" maxLength:"2048"`
	Birthday    optional[string]          `json:"birthday,omitzero" doc:"A date, or one without the year." example:"1958-10-13"`
	Stage       optional[crm.Stage]       `json:"stage,omitzero"`
	Tags        optional[[]string]        `json:"tags,omitzero" maxItems:"100" maxLength:"64"`
	Notes       optional[string]          `json:"notes,omitzero" maxLength:"5000"`
	Fields      optional[customFieldsDoc] `json:"fields,omitzero" maxProperties:"200" doc:"Custom fields. A patch merges them by key; null removes one."`
}

// customFieldsDoc are custom fields in a request.
type customFieldsDoc map[string]fieldValue

type emailInput struct {
	Address string  `json:"address" maxLength:"254"`
	Label   *string `json:"label,omitempty" nullable:"true" maxLength:"200"`
	Primary bool    `json:"primary,omitempty"`
}

type phoneInput struct {
	Number  string  `json:"number" maxLength:"64" doc:"As people write it; without a country code it belongs to the workspace's region."`
	E164    *string `json:"e164,omitempty" nullable:"true" doc:"Accepted so that what was read can be sent back; always computed anew."`
	Label   *string `json:"label,omitempty" nullable:"true" maxLength:"200"`
	Primary bool    `json:"primary,omitempty"`
}

type addressInput struct {
	Label      *string `json:"label,omitempty" nullable:"true" maxLength:"200"`
	Street     *string `json:"street,omitempty" nullable:"true" maxLength:"200" doc:"May hold line breaks."`
	City       *string `json:"city,omitempty" nullable:"true" maxLength:"200"`
	Region     *string `json:"region,omitempty" nullable:"true" maxLength:"200"`
	PostalCode *string `json:"postalCode,omitempty" nullable:"true" maxLength:"200"`
	Country    *string `json:"country,omitempty" nullable:"true" maxLength:"200"`
}

// newContactInput is the body of POST /contacts: what a patch has, and more.
type newContactInput struct {
	contactPatchInput

	PrimaryEmail optional[string] `json:"primaryEmail,omitzero" maxLength:"254" doc:"Short for one email."`
	PrimaryPhone optional[string] `json:"primaryPhone,omitzero" maxLength:"64" doc:"Short for one phone."`
	Source       optional[string] `json:"source,omitzero" maxLength:"200" doc:"Where the contact comes from. Default manual."`
	SourceID     optional[string] `json:"sourceId,omitzero" maxLength:"1000" doc:"The source's own id; source and sourceId together are unique."`
}

// TransformSchema adds what is embedded, which the generator leaves out.
func (newContactInput) TransformSchema(r huma.Registry, s *huma.Schema) *huma.Schema {
	maps.Copy(s.Properties, r.Schema(typeOf[contactPatchInput](), false, "").Properties)
	return s
}

func (in newContactInput) newContact() (crm.NewContact, error) {
	c := crm.NewContact{
		DisplayName: in.DisplayName.value, GivenName: in.GivenName.value, FamilyName: in.FamilyName.value,
		Emails: emailsOf(in.Emails.value), Phones: phonesOf(in.Phones.value), Company: in.Company.value,
		JobTitle: in.JobTitle.value, Addresses: addressesOf(in.Addresses.value), Websites: in.Websites.value,
		Birthday: in.Birthday.value, Stage: in.Stage.value, Tags: in.Tags.value, Notes: in.Notes.value,
		Source: in.Source.value, SourceID: in.SourceID.value, Fields: fieldsOf(in.Fields.value),
	}
	if email := in.PrimaryEmail.value; email != "" {
		if len(c.Emails) > 0 {
			return c, notBoth("primaryEmail", "emails")
		}
		c.Emails = []crm.Email{{Address: email, Primary: true}}
	}
	if phone := in.PrimaryPhone.value; phone != "" {
		if len(c.Phones) > 0 {
			return c, notBoth("primaryPhone", "phones")
		}
		c.Phones = []crm.Phone{{Number: phone, Primary: true}}
	}
	return c, nil
}

// inSentWords names the fields of a broken rule as the request did: a short
// form is one entry of a list to the service.
func (in newContactInput) inSentWords(err error) error {
	invalid, ok := errors.AsType[*crm.ValidationError](err)
	if !ok {
		return err
	}
	fields := slices.Clone(invalid.Fields)
	for i, f := range fields {
		switch {
		case in.PrimaryEmail.value != "" && strings.HasPrefix(f.Field, "emails[0]"):
			fields[i].Field = "primaryEmail"
		case in.PrimaryPhone.value != "" && strings.HasPrefix(f.Field, "phones[0]"):
			fields[i].Field = "primaryPhone"
		}
	}
	return &crm.ValidationError{Fields: fields}
}

func notBoth(short, list string) error {
	return crm.Invalid(short, crm.CodeInvalid, "is short for "+list+"; give one of the two")
}

func (in contactPatchInput) patch() crm.ContactPatch {
	p := crm.ContactPatch{
		DisplayName: in.DisplayName.patch(), GivenName: in.GivenName.patch(), FamilyName: in.FamilyName.patch(),
		Company: in.Company.patch(), JobTitle: in.JobTitle.patch(), Websites: in.Websites.patch(),
		Birthday: in.Birthday.patch(), Stage: in.Stage.patch(), Tags: in.Tags.patch(), Notes: in.Notes.patch(),
		Fields: fieldsOf(in.Fields.value), ClearFields: in.Fields.null,
	}
	if in.Emails.given {
		list := emailsOf(in.Emails.value)
		p.Emails = &list
	}
	if in.Phones.given {
		list := phonesOf(in.Phones.value)
		p.Phones = &list
	}
	if in.Addresses.given {
		list := addressesOf(in.Addresses.value)
		p.Addresses = &list
	}
	return p
}

func emailsOf(list []emailInput) []crm.Email {
	if len(list) == 0 {
		return nil
	}
	out := make([]crm.Email, len(list))
	for i, e := range list {
		out[i] = crm.Email{Address: e.Address, Label: orBlank(e.Label), Primary: e.Primary}
	}
	return out
}

func phonesOf(list []phoneInput) []crm.Phone {
	if len(list) == 0 {
		return nil
	}
	out := make([]crm.Phone, len(list))
	for i, p := range list {
		out[i] = crm.Phone{Number: p.Number, Label: orBlank(p.Label), Primary: p.Primary}
	}
	return out
}

func addressesOf(list []addressInput) []crm.Address {
	if len(list) == 0 {
		return nil
	}
	out := make([]crm.Address, len(list))
	for i, a := range list {
		out[i] = crm.Address{
			Label: orBlank(a.Label), Street: orBlank(a.Street), City: orBlank(a.City),
			Region: orBlank(a.Region), PostalCode: orBlank(a.PostalCode), Country: orBlank(a.Country),
		}
	}
	return out
}

func fieldsOf(in customFieldsDoc) map[string]any {
	if len(in) == 0 {
		return nil
	}
	out := make(map[string]any, len(in))
	for key, f := range in {
		out[key] = f.value
	}
	return out
}

func orBlank(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
