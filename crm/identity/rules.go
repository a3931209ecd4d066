package identity

import (
	"errors"
	"net/mail"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/omnicrm/omnicrm/crm"
)

// The limits of what is kept of a sign-in's origin, in bytes.
const (
	maxAddress   = 64
	maxUserAgent = 400
)

// The limits of pages.
const (
	defaultLimit = 100
	maxLimit     = 200
)

// EmailKey is what addresses are compared by: lower case, without the blanks
// around it.
func EmailKey(address string) string { return strings.ToLower(strings.TrimSpace(address)) }

// problems collects broken rules in the order of the input's fields.
type problems struct{ fields []crm.FieldError }

func (p *problems) add(field, code, message string) {
	p.fields = append(p.fields, crm.FieldError{Field: field, Code: code, Message: message})
}

func (p *problems) err() error {
	if len(p.fields) == 0 {
		return nil
	}
	return &crm.ValidationError{Fields: p.fields}
}

// email returns the address without the blanks around it, and its key.
func (p *problems) email(field, address string) (shown, key string) {
	shown = strings.TrimSpace(address)
	switch {
	case shown == "":
		p.add(field, crm.CodeRequired, "must be given")
	case len(shown) > crm.MaxEmail:
		p.add(field, crm.CodeTooLong, "must have at most 254 bytes")
	case !validEmail(shown):
		p.add(field, crm.CodeInvalid, "must be an email address such as ana@example.com")
	}
	return shown, EmailKey(shown)
}

func validEmail(s string) bool {
	if !printable(s) || strings.ContainsAny(s, "<>,; ") {
		return false
	}
	parsed, err := mail.ParseAddress("<" + s + ">")
	if err != nil || parsed.Name != "" {
		return false
	}
	for label := range strings.SplitSeq(s[strings.LastIndexByte(s, '@')+1:], ".") {
		if label == "" || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
	}
	return true
}

// name returns a name without the blanks around it, or the default when it is
// blank; without a default it is required.
func (p *problems) name(field, name, byDefault string) string {
	name = strings.TrimSpace(name)
	if name == "" {
		name = byDefault
	}
	switch {
	case name == "":
		p.add(field, crm.CodeRequired, "must be given")
	case utf8.RuneCountInString(name) > crm.MaxShortText:
		p.add(field, crm.CodeTooLong, "must have at most 200 characters")
	case !printable(name):
		p.add(field, crm.CodeInvalid, "must be one line of valid UTF-8")
	}
	return name
}

// printable reports whether the text is valid UTF-8 without control characters.
func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// nameOf is the name of a user who gave none: the address up to the "@". It is
// never blank, so that a bad address is not reported as a bad name too.
func nameOf(address string) string {
	if !validEmail(address) {
		return "nobody"
	}
	local := strings.Trim(address[:strings.LastIndexByte(address, '@')], `"`)
	if strings.TrimSpace(local) == "" {
		return address
	}
	return firstRunes(local, crm.MaxShortText)
}

func firstRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

func (p *problems) role(field string, role crm.Role) {
	if !role.Valid() {
		p.add(field, crm.CodeUnknown, "must be viewer, member, admin or owner")
	}
}

// bounded keeps what can be shown: valid text of bounded length.
func (o Origin) bounded() Origin {
	return Origin{Address: bounded(o.Address, maxAddress), UserAgent: bounded(o.UserAgent, maxUserAgent)}
}

func bounded(s string, bytes int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	if len(s) > bytes {
		s = strings.ToValidUTF8(s[:bytes], "")
	}
	return s
}

// pageLimit applies the bounds of a page.
func pageLimit(limit int) (int, error) {
	if limit < 0 || limit > maxLimit {
		return 0, crm.Invalid("limit", crm.CodeInvalid, "must be 1 to 200")
	}
	if limit == 0 {
		limit = defaultLimit
	}
	return limit, nil
}

// workspace returns a new workspace with the defaults of package crm.
func (p *problems) workspace(field string, w NewWorkspace, id crm.ID, now time.Time) crm.Workspace {
	made := crm.Workspace{
		ID: crm.WorkspaceID(id), Name: p.name(field, w.Name, ""),
		Region: strings.ToUpper(strings.TrimSpace(w.Region)), TimeZone: strings.TrimSpace(w.TimeZone),
		CreatedAt: now, UpdatedAt: now, Version: 1,
	}
	if made.Region == "" {
		made.Region = crm.DefaultRegion
	}
	if made.TimeZone == "" {
		made.TimeZone = crm.DefaultTimeZone
	}
	checked := made
	checked.Name = "checked above"
	if invalid, ok := errors.AsType[*crm.ValidationError](crm.CheckWorkspace(checked)); ok {
		p.fields = append(p.fields, invalid.Fields...)
	}
	return made
}
