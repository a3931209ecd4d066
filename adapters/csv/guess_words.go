package csv

import "strings"

// scalarTarget returns the target of a column by its compact name.
func scalarTarget(c string) string {
	switch c {
	case "name", "fullname", "displayname", "contactname", "contact", "nom", "nombre", "nombrecompleto", "nomcomplet", "vollständigername", "anzeigename":
		return "displayName"
	case "firstname", "givenname", "forename", "first", "fname", "vorname", "prénom", "prenom", "nombredepila":
		return "givenName"
	case "middlename", "additionalname", "middle", "middleinitial", "middlenames":
		return "middleName"
	case "lastname", "familyname", "surname", "last", "lname", "nachname", "familienname", "apellido", "apellidos", "nomdefamille":
		return "familyName"
	case "nameprefix", "prefix", "salutation", "anrede":
		return "namePrefix"
	case "namesuffix", "suffix":
		return "nameSuffix"
	case "company", "companyname", "organization", "organisation", "organizationname", "organisationname", "organization1name", "org",
		"employer", "firma", "unternehmen", "empresa", "société", "societe", "entreprise", "accountname":
		return "company"
	case "jobtitle", "organizationtitle", "organization1title", "job", "berufsbezeichnung", "cargo", "poste":
		return "jobTitle"
	case "birthday", "birthdate", "dateofbirth", "dob", "bday", "born", "geburtstag", "geburtsdatum", "cumpleaños", "anniversaire", "datedenaissance":
		return "birthday"
	case "stage", "lifecyclestage", "contactstage", "customerstage":
		return "stage"
	case "tags", "tag", "categories", "category", "labels", "label", "groups", "group", "groupmembership", "keywords", "kategorien", "schlagwörter", "etiquetas":
		return "tags"
	case "notes", "note", "comment", "comments", "remarks", "remark", "notizen", "notiz", "bemerkung", "bemerkungen", "notas":
		return "notes"
	}
	return ""
}

// weakTarget returns the target of names that are often something else, for
// when no other column has that target.
func weakTarget(c string) string {
	switch c {
	case "title", "position", "role", "occupation", "titel", "funktion", "beruf":
		return "jobTitle"
	case "description", "bio", "about", "memo", "beschreibung":
		return "notes"
	case "account", "business", "associatedcompany":
		return "company"
	}
	return ""
}

// impliedLabel returns the label that the name of a column gives to its
// values, where no column of its own does: "Mobile Phone" holds mobile numbers.
func impliedLabel(name string) string {
	c := compact(name)
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(c, w) {
				return true
			}
		}
		return false
	}
	place := ""
	switch {
	case has("assistant"):
		place = "assistant"
	case has("companymain"):
		place = "main"
	case has("home", "privat") && !has("homepage"), has("personal"):
		place = "home"
	case has("business", "work", "office", "geschäft"):
		place = "work"
	case has("mailing"):
		place = "mailing"
	case has("billing"):
		place = "billing"
	case has("shipping"):
		place = "shipping"
	case has("other"):
		place = "other"
	case strings.HasPrefix(c, "car") && has("phone"):
		place = "car"
	}
	switch {
	case has("fax"):
		return strings.TrimSpace(place + " fax")
	case has("pager"):
		return "pager"
	case has("mobil", "cell", "handy", "móvil"):
		return strings.TrimSpace(place + " mobile")
	}
	return place
}
