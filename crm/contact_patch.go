package crm

import (
	"maps"
	"reflect"
	"slices"
)

// apply returns the input that the patched contact is made from.
func (p ContactPatch) apply(c Contact) NewContact {
	in := c.input()
	set(&in.DisplayName, p.DisplayName)
	set(&in.GivenName, p.GivenName)
	set(&in.FamilyName, p.FamilyName)
	set(&in.Company, p.Company)
	set(&in.JobTitle, p.JobTitle)
	set(&in.Birthday, p.Birthday)
	set(&in.Notes, p.Notes)
	set(&in.Stage, p.Stage)
	set(&in.Emails, p.Emails)
	set(&in.Phones, p.Phones)
	set(&in.Addresses, p.Addresses)
	set(&in.Websites, p.Websites)
	set(&in.Tags, p.Tags)
	if p.ClearFields {
		in.Fields = nil
	}
	if len(p.Fields) > 0 {
		in.Fields = maps.Clone(in.Fields)
		if in.Fields == nil {
			in.Fields = map[string]any{}
		}
		for k, v := range p.Fields {
			if v == nil {
				delete(in.Fields, k)
			} else {
				in.Fields[k] = v
			}
		}
	}
	return in
}

func set[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

// contactField gives each field its name in the API, and a way to compare and
// copy it. Everything that works field by field goes through this table, so
// that no field can be forgotten in one of them.
type contactField struct {
	name string
	same func(a, b *Contact) bool
	copy func(to, from *Contact)
}

func field[T any](name string, at func(*Contact) *T) contactField {
	return contactField{
		name: name,
		same: func(a, b *Contact) bool { return reflect.DeepEqual(*at(a), *at(b)) },
		copy: func(to, from *Contact) { *at(to) = *at(from) },
	}
}

// contactFields are the fields that people and imports write, by name.
func contactFields() []contactField {
	return []contactField{
		field("addresses", func(c *Contact) *[]Address { return &c.Addresses }),
		field("birthday", func(c *Contact) *string { return &c.Birthday }),
		field("company", func(c *Contact) *string { return &c.Company }),
		field("displayName", func(c *Contact) *string { return &c.DisplayName }),
		field("emails", func(c *Contact) *[]Email { return &c.Emails }),
		field("familyName", func(c *Contact) *string { return &c.FamilyName }),
		field("fields", func(c *Contact) *map[string]any { return &c.Fields }),
		field("givenName", func(c *Contact) *string { return &c.GivenName }),
		field("jobTitle", func(c *Contact) *string { return &c.JobTitle }),
		field("notes", func(c *Contact) *string { return &c.Notes }),
		field("phones", func(c *Contact) *[]Phone { return &c.Phones }),
		field("source", func(c *Contact) *string { return &c.Source }),
		field("sourceId", func(c *Contact) *string { return &c.SourceID }),
		field("stage", func(c *Contact) *Stage { return &c.Stage }),
		field("tags", func(c *Contact) *[]string { return &c.Tags }),
		field("websites", func(c *Contact) *[]string { return &c.Websites }),
	}
}

// changedFields names the fields that differ, sorted.
func changedFields(a, b *Contact) []string {
	var names []string
	for _, f := range contactFields() {
		if !f.same(a, b) {
			names = append(names, f.name)
		}
	}
	return names
}

// mergeInto returns existing with what the incoming contact adds: scalars that
// are not blank replace, lists unite, nothing is removed. Where a contact came
// from does not change.
func mergeInto(existing, incoming Contact) Contact {
	c := existing
	for _, s := range []struct{ to, from *string }{
		{&c.DisplayName, &incoming.DisplayName},
		{&c.GivenName, &incoming.GivenName},
		{&c.FamilyName, &incoming.FamilyName},
		{&c.Company, &incoming.Company},
		{&c.JobTitle, &incoming.JobTitle},
		{&c.Birthday, &incoming.Birthday},
		{&c.Notes, &incoming.Notes},
	} {
		if *s.from != "" {
			*s.to = *s.from
		}
	}
	if incoming.Stage != StageNone {
		c.Stage = incoming.Stage
	}
	c.Emails = unite(c.Emails, incoming.Emails, func(a, b Email) bool { return EmailKey(a.Address) == EmailKey(b.Address) })
	c.Phones = unite(c.Phones, incoming.Phones, samePhone)
	c.Addresses = unite(c.Addresses, incoming.Addresses, sameAddress)
	c.Websites = unite(c.Websites, incoming.Websites, func(a, b string) bool { return FoldKey(a) == FoldKey(b) })
	c.Tags = unite(c.Tags, incoming.Tags, func(a, b string) bool { return FoldKey(a) == FoldKey(b) })
	for i := range c.Emails {
		c.Emails[i].Primary = i == primaryIndex(existing.Emails, incoming.Emails, func(e Email) bool { return e.Primary })
	}
	for i := range c.Phones {
		c.Phones[i].Primary = i == primaryIndex(existing.Phones, incoming.Phones, func(p Phone) bool { return p.Primary })
	}
	if len(incoming.Fields) > 0 {
		c.Fields = maps.Clone(existing.Fields)
		if c.Fields == nil {
			c.Fields = map[string]any{}
		}
		maps.Copy(c.Fields, incoming.Fields)
	}
	return c
}

// primaryIndex keeps the primary entry of a list that had one.
func primaryIndex[T any](existing, incoming []T, primary func(T) bool) int {
	list := existing
	if len(list) == 0 {
		list = incoming
	}
	return slices.IndexFunc(list, primary)
}

func unite[T any](a, b []T, same func(x, y T) bool) []T {
	out := slices.Clone(a)
	for _, y := range b {
		if !slices.ContainsFunc(out, func(x T) bool { return same(x, y) }) {
			out = append(out, y)
		}
	}
	return out
}

func sameAddress(a, b Address) bool {
	return FoldKey(a.Street) == FoldKey(b.Street) && FoldKey(a.City) == FoldKey(b.City) && FoldKey(a.Region) == FoldKey(b.Region) &&
		FoldKey(a.PostalCode) == FoldKey(b.PostalCode) && FoldKey(a.Country) == FoldKey(b.Country)
}
