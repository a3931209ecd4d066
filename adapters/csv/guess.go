package csv

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"unicode"
)

// layout is whose export a file is.
type layout uint8

const (
	plainLayout layout = iota
	ownLayout
	googleLayout
	outlookLayout
	hubspotLayout
)

// compact reduces a column's name to its letters and digits in lower case:
// "E-mail 1 - Value" and "email_1_value" are the same name.
func compact(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, name)
}

// detectLayout tells whose export has these columns.
func detectLayout(names []string) layout {
	has := make(map[string]bool, len(names))
	for _, n := range names {
		if n == markerColumn {
			return ownLayout
		}
		has[compact(n)] = true
	}
	either := func(names ...string) bool {
		for _, n := range names {
			if has[n] {
				return true
			}
		}
		return false
	}
	switch {
	case either("email1value", "phone1value", "address1formatted", "groupmembership") ||
		has["fileas"] && has["labels"]:
		return googleLayout
	case has["recordid"] && either("lifecyclestage", "leadstatus", "contactowner", "createdate", "companyname"):
		return hubspotLayout
	case has["emailaddress"] && either("businessphone", "businessstreet", "webpage", "email2address", "homephone") ||
		has["businessstreet"] && has["businessphone"]:
		return outlookLayout
	}
	return plainLayout
}

// guesser gives columns their targets.
type guesser struct {
	layout layout
	has    map[string]bool
	used   map[string]bool
	// The items of a list by what the columns' names have in common.
	items    map[string]map[string]int
	patterns patterns
}

// patterns know the names of the columns of lists.
type patterns struct{ email, phone, website, custom, address, lines *regexp.Regexp }

// listPatterns compiles the patterns when the first file comes; they never
// change and are safe for parallel use.
var listPatterns = sync.OnceValue(func() patterns {
	return patterns{
		email: regexp.MustCompile(emailPattern), phone: regexp.MustCompile(phonePattern), website: regexp.MustCompile(websitePattern),
		custom: regexp.MustCompile(customPattern), address: regexp.MustCompile(addressPattern), lines: regexp.MustCompile(linesPattern),
	}
})

func newGuesser(names []string, l layout) *guesser {
	g := &guesser{layout: l, has: map[string]bool{}, used: map[string]bool{}, items: map[string]map[string]int{}, patterns: listPatterns()}
	for _, n := range names {
		g.has[compact(n)] = true
	}
	return g
}

// guessTargets returns a target for each column, "" where the name says nothing.
func guessTargets(names []string, l layout) []string {
	g := newGuesser(names, l)
	targets := make([]string, len(names))
	for i, n := range names {
		path := g.guess(n)
		if g.used[path] {
			path = g.another(path, i)
		}
		targets[i] = g.claim(path)
	}
	for i, n := range names { // names that mean something only where nothing better is there
		if targets[i] == "" {
			targets[i] = g.claim(weakTarget(compact(n)))
		}
	}
	g.fixLoneNames(names, targets)
	return targets
}

// anyKnown reports whether the name of any column means anything to us.
func anyKnown(names []string, l layout) bool {
	g := newGuesser(names, l)
	for _, n := range names {
		if g.guess(n) != "" || weakTarget(compact(n)) != "" || familiar(compact(n)) {
			return true
		}
	}
	return false
}

// another gives a second column of the same name an item of its own.
func (g *guesser) another(path string, column int) string {
	t, _ := parseTarget(path)
	key := fmt.Sprintf("again/%d", column)
	switch t.kind {
	case toEmail:
		return fmt.Sprintf("emails[%d].address", g.item("emails", key))
	case toPhone:
		return fmt.Sprintf("phones[%d].number", g.item("phones", key))
	case toWebsite:
		return fmt.Sprintf("websites[%d]", g.item("websites", key))
	}
	return path
}

// familiar are names without a field of ours that are surely a header.
func familiar(c string) bool {
	switch c {
	case "id", "recordid", "source", "gender", "department", "nickname", "status", "createdate", "owner", "spouse", "photo", "language":
		return true
	}
	return false
}

// claim gives a target out once, where only one column can have it.
func (g *guesser) claim(path string) string {
	t, ok := parseTarget(path)
	if !ok || t.kind.single() && g.used[path] {
		return ""
	}
	g.used[path] = true
	return path
}

func (g *guesser) guess(name string) string {
	if g.layout == ownLayout {
		return ownTarget(name)
	}
	c := compact(name)
	if g.layout == outlookLayout && c == "title" || c == "title" && g.has["jobtitle"] && g.has["suffix"] {
		return "namePrefix"
	}
	if g.layout == hubspotLayout && c == "recordid" {
		return "sourceId"
	}
	if (c == "source" || c == "sourceid") && g.has["source"] && g.has["sourceid"] {
		return map[string]string{"source": "source", "sourceid": "sourceId"}[c]
	}
	if t, ok := parseTarget(name); ok && t.kind != toExtra && t.kind != toNothing && t.kind != toID {
		return name
	}
	if path := scalarTarget(c); path != "" {
		return path
	}
	for _, list := range [...]func(string) string{g.custom, g.email, g.phone, g.website, g.address} {
		if path := list(c); path != "" {
			return path
		}
	}
	return ""
}

// item returns the index of the item that the key names, a new one when the
// list has none yet.
func (g *guesser) item(list, key string) int {
	if g.items[list] == nil {
		g.items[list] = map[string]int{}
	}
	i, ok := g.items[list][key]
	if !ok {
		i = len(g.items[list])
		g.items[list][key] = i
	}
	return i
}

const whose = `(home|business|work|office|other|personal|private|primary|secondary|alternate|alternative|additional|company|companymain|main|mailing|billing|shipping|contact|direct|car|assistants?|callback|geschäftlich|privat|)`

// The compact names of the columns of lists.
const (
	emailPattern   = `^` + whose + `e?mail(?:e?s|adresse|addresses)?(\d*)(address|value|label|type|primary|)(\d*)$`
	phonePattern   = `^` + whose + `(phonenumber|mobilephonenumber|mobilephone|cellphone|cellnumber|telephone|telefone|teléfono|telefon|telefonnummer|téléphone|phone|phones|tel|mobile|mobil|mobiltelefon|handy|handynummer|móvil|cell|fax|faxnumber|pager|radiophone|ttytddphone|isdn|telex)(\d*)(number|value|label|type|primary|)(\d*)$`
	websitePattern = `^` + whose + `(website|websites|websiteurl|web|webpage|webseite|homepage|url|internet|sitio)(\d*)(value|url|)(\d*)$`
	customPattern  = `^(customfield|relation|event|jot)(\d+)(label|type|value)$`
	addressPattern = `^` + whose + `(?:address|addr)?(\d*)(streetaddress|street|straße|strasse|rue|calle|addressline|line|city|town|ort|stadt|ville|ciudad|stateregion|stateprovince|state|region|province|bundesland|provincia|zipcode|zippostalcode|zippostcode|zip|postalcode|postcode|postleitzahl|plz|codepostal|códigopostal|countryregion|country|land|pays|país|label|type|formatted|pobox|extendedaddress)(\d*)$`
	linesPattern   = `^` + whose + `(?:address|addr|adresse|anschrift|dirección)(\d*)$`
)

func (g *guesser) email(c string) string {
	m := g.patterns.email.FindStringSubmatch(c)
	if m == nil {
		return ""
	}
	part := "address"
	switch m[3] {
	case "label", "type":
		if g.layout != googleLayout && m[3] == "type" { // Outlook's says how mail is delivered
			return ""
		}
		part = "label"
	case "primary":
		part = "primary"
	}
	return fmt.Sprintf("emails[%d].%s", g.item("emails", m[1]+"/"+first(m[2], m[4])), part)
}

func (g *guesser) phone(c string) string {
	m := g.patterns.phone.FindStringSubmatch(c)
	if m == nil {
		return ""
	}
	part := "number"
	switch m[4] {
	case "label", "type":
		part = "label"
	case "primary":
		part = "primary"
	}
	name := strings.TrimSuffix(m[2], "number")
	return fmt.Sprintf("phones[%d].%s", g.item("phones", m[1]+name+"/"+first(m[3], m[5])), part)
}

func (g *guesser) website(c string) string {
	m := g.patterns.website.FindStringSubmatch(c)
	if m == nil {
		return ""
	}
	return fmt.Sprintf("websites[%d]", g.item("websites", m[1]+m[2]+"/"+first(m[3], m[5])))
}

// custom knows Google's pairs of a label and a value.
func (g *guesser) custom(c string) string {
	m := g.patterns.custom.FindStringSubmatch(c)
	if m == nil || g.layout != googleLayout {
		return ""
	}
	part := "label"
	if m[3] == "value" {
		part = "value"
	}
	return fmt.Sprintf("custom[%d].%s", g.item("custom", m[1]+m[2]), part)
}

func (g *guesser) address(c string) string {
	if m := g.patterns.lines.FindStringSubmatch(c); m != nil { // "Address 2" is the second line
		return fmt.Sprintf("addresses[%d].street", g.item("addresses", m[1]))
	}
	m := g.patterns.address.FindStringSubmatch(c)
	if m == nil {
		return ""
	}
	part := addressPart(m[3])
	if m[1] == "company" || m[4] != "" && part != "street" || m[2] == "" && (part == "label" || part == "formatted") {
		return ""
	}
	return fmt.Sprintf("addresses[%d].%s", g.item("addresses", m[1]+m[2]), part)
}

// addressPart returns the part of an address that a column's name ends with.
func addressPart(word string) string {
	switch word {
	case "city", "town", "ort", "stadt", "ville", "ciudad":
		return "city"
	case "stateregion", "stateprovince", "state", "region", "province", "bundesland", "provincia":
		return "region"
	case "zipcode", "zippostalcode", "zippostcode", "zip", "postalcode", "postcode", "postleitzahl", "plz", "codepostal", "códigopostal":
		return "postalCode"
	case "countryregion", "country", "land", "pays", "país":
		return "country"
	case "label", "type":
		return "label"
	case "formatted":
		return "formatted"
	case "pobox":
		return "poBox"
	case "extendedaddress":
		return "extended"
	}
	return "street"
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// fixLoneNames settles what "Name" means beside a family name or a given name
// alone: "Name, Surname" and "Name, Vorname" hold half a name each.
func (g *guesser) fixLoneNames(names, targets []string) {
	if g.layout == ownLayout || g.used["givenName"] == g.used["familyName"] {
		return
	}
	for i, n := range names {
		if targets[i] != "displayName" || compact(n) != "name" && compact(n) != "nom" && compact(n) != "nombre" {
			continue
		}
		targets[i] = "familyName"
		if g.used["familyName"] {
			targets[i] = "givenName"
		}
	}
}
