package crmtest

import (
	"fmt"
	"math"
	"strings"

	"github.com/omnicrm/omnicrm/crm"
)

// nastyContacts are valid contacts, as a service would hold them, that file
// formats are known to damage: nothing is in outer blanks, line breaks are
// single line feeds and stand only where people write several lines.
func nastyContacts() map[string]crm.Contact {
	ws := workspaceNamed("formats")
	n := 0
	contact := func(changes ...func(*crm.Contact)) crm.Contact {
		n++
		return contactOf(ws, n, changes...)
	}
	all := map[string]crm.Contact{
		"a name and nothing else": contact(),
		"every field":             contact(everyField),
		"as much as there may be": contact(allLimits),
		"many values of each":     contact(manyValues),
		"kinds of custom fields":  contact(fieldKinds),
		"no primary value first":  contact(primaryLast),
		"a birthday without year": contact(func(c *crm.Contact) { c.Birthday = "--02-29" }),
	}
	for _, stage := range crm.Stages() {
		all["stage "+string(stage)] = contact(func(c *crm.Contact) { c.Stage = stage })
	}
	for name, text := range fileTexts() {
		all["text like "+name] = contact(func(c *crm.Contact) { textEverywhere(c, text) })
	}
	return all
}

// fileTexts are texts that mean something in one format or another.
func fileTexts() map[string]string {
	return map[string]string{
		"accents":             "Ærøskøbing Zażółć gęślą jaźń",
		"combining marks":     "e\u0301 vs é",
		"emoji":               "👩‍👩‍👧‍👦 🇵🇱 ❤️",
		"right to left":       "שלום עליכם مرحبا \u200f(1)\u200e!",
		"Han, Kana, Hangul":   "東京都 たなか 김철수 𠮷",
		"a formula":           "=SUM(A1:A9)*2",
		"a plus":              "+sum",
		"a minus":             "-2+3",
		"an at sign":          "@cmd",
		"an apostrophe":       "'quoted'",
		"two apostrophes":     "''=x",
		"separators":          `a,b;c|d\e:f ::: g`,
		"quotes":              `"all" of "it"`,
		"a single quote mark": `6" pipe`,
		"escapes":             `\n \, \; \\ \" \u0041 =0A =3D`,
		"a card":              "BEGIN:VCARD END:VCARD",
		"a property":          "TEL;TYPE=cell:+1",
		"JSON":                `{"a":[1,null,"\u0000"]}`,
		"nothing":             "null",
		"a number":            "0012.50",
		"a truth value":       "true",
		"a date":              "1/2/2024",
		"percent signs":       "100% %0A %41 a%",
		"markup":              "<b>&amp;</b>",
		"blanks inside":       "two  blanks and\u00a0three",
		"a byte order mark":   "a\ufeffb",
		"a line separator":    "one\u2028two\u0085three",
	}
}

// textEverywhere puts a text in every field that holds text.
func textEverywhere(c *crm.Contact, text string) {
	c.DisplayName, c.GivenName, c.FamilyName, c.Company, c.JobTitle = text, text, text, text, text
	c.Notes = text + "\n" + text + "\n\n" + text
	c.Emails = []crm.Email{{Address: "ann@example.com", Label: text, Primary: true}, {Address: "o'hara+x@example.com"}}
	c.Phones = []crm.Phone{{Number: "+1 (202) 555-0123", Label: text, Primary: true}, {Number: "202.555.0124 x" + text}}
	c.Addresses = []crm.Address{{Label: text, Street: text + "\n" + text, City: text, Region: text, PostalCode: text, Country: text}, {Country: text}, {Street: text}}
	c.Websites = []string{"https://example.com/?a=b,c;d&e=%20#f", text}
	c.Tags = []string{text, "x " + text}
	c.Source, c.SourceID = "vcard:"+text, text
	c.Fields = map[string]any{text: text, "x " + text: "y\n" + text}
}

func everyField(c *crm.Contact) {
	id, at := c.ID, c.CreatedAt
	*c = fullContact(workspaceNamed("formats"), 1)
	c.ID, c.CreatedAt, c.Notes = id, at, "First line\nsecond line\n\n\ttabbed"
	trashless(c)
}

func allLimits(c *crm.Contact) {
	wide := func(n int) string { return strings.Repeat("𠮷", n) }
	c.DisplayName, c.GivenName, c.FamilyName = wide(crm.MaxDisplayName), wide(crm.MaxShortText), wide(crm.MaxShortText)
	c.Company, c.JobTitle, c.Notes = wide(crm.MaxShortText), wide(crm.MaxShortText), wide(crm.MaxNotes)
	c.Fields = map[string]any{wide(crm.MaxFieldKey): wide(crm.MaxFieldValue)}
	c.Addresses = []crm.Address{{Street: wide(crm.MaxShortText), City: wide(crm.MaxShortText)}}
	c.Tags = []string{wide(crm.MaxTag)}
	c.SourceID = strings.Repeat("s", crm.MaxSourceID)
}

func manyValues(c *crm.Contact) {
	c.Fields = map[string]any{}
	for i := range 15 {
		tail := fmt.Sprintf("%02d", i)
		c.Emails = append(c.Emails, crm.Email{Address: "ann" + tail + "@example.com", Label: "label " + tail, Primary: i == 0})
		c.Phones = append(c.Phones, crm.Phone{Number: "202 555 01" + tail, Label: "label " + tail, Primary: i == 0})
		c.Addresses = append(c.Addresses, crm.Address{Label: "label " + tail, City: "City " + tail})
		c.Websites = append(c.Websites, "https://example.com/"+tail)
		c.Tags = append(c.Tags, "tag "+tail)
		c.Fields["field "+tail] = "value " + tail
	}
}

func fieldKinds(c *crm.Contact) {
	c.Fields = map[string]any{
		"text of a number": "12", "text of a truth value": "true", "text of nothing": "null", "yes": true, "no": false, "zero": 0.0,
		"tenth": 0.1, "negative": -12.75, "large": 9007199254740991.0, "huge": 1e300, "tiny": math.SmallestNonzeroFloat64,
	}
}

func primaryLast(c *crm.Contact) {
	c.Emails = []crm.Email{{Address: "one@example.com"}, {Address: "two@example.com", Primary: true}}
	c.Phones = []crm.Phone{{Number: "202 555 0123"}, {Number: "202 555 0124"}, {Number: "202 555 0125", Primary: true}}
}
