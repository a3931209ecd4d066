package crm

import (
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ValidWebsite reports whether s is a web address as people write them: an http
// or https URL, or one without the scheme that begins with a host name, such as
// "example.com/team". Whoever links one without a scheme puts "https://" before
// it; so nothing that a browser would run can become a link.
func ValidWebsite(s string) bool {
	if s == "" || utf8.RuneCountInString(s) > MaxWebsite || !utf8.ValidString(s) || strings.ContainsFunc(s, neverInURL) {
		return false
	}
	full, typed := s, hasPrefixFold(s, "https://") || hasPrefixFold(s, "http://")
	if !typed {
		full = "https://" + s
	}
	u, err := url.Parse(full)
	if err != nil || u.User != nil {
		return false
	}
	if port := u.Port(); port != "" {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return false
		}
	}
	host := u.Hostname()
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	// A single word is a host on the sender's own network only when it was
	// written as a URL; elsewhere it is just a word.
	return validHost(host) && (typed || strings.Contains(strings.TrimSuffix(host, "."), "."))
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// neverInURL is what a URL holds in no part of it, also where browsers pass over
// it (RFC 3986, 2; RFC 3987, 2.2).
func neverInURL(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune("<>\"\\^`{|}", r)
}

// validHost accepts host names, internationalised ones too: labels of letters,
// digits, "-" and "_", the last of which is no number (RFC 1123, 2.1).
func validHost(host string) bool {
	const maxHost, maxLabel = 253, 63
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	for _, label := range labels {
		if label == "" || len(label) > 4*maxLabel || utf8.RuneCountInString(label) > maxLabel || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		if strings.ContainsFunc(label, func(r rune) bool {
			return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r) && r != '-' && r != '_'
		}) {
			return false
		}
	}
	last := labels[len(labels)-1]
	return utf8.RuneCountInString(host) <= maxHost && strings.ContainsFunc(last, unicode.IsLetter)
}

// setAsideWebsites takes out of an imported record what stands in a column of
// websites and is none, so that it is kept elsewhere and the row is not lost.
func setAsideWebsites(in *NewContact) []ExtraValue {
	var aside []ExtraValue
	var good []string
	for _, w := range in.Websites {
		text := strings.TrimSpace(w)
		if text == "" || ValidWebsite(text) || !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
			good = append(good, w) // The rules say what is wrong with the last two.
			continue
		}
		aside = append(aside, ExtraValue{Name: "Website", Value: text})
	}
	in.Websites = good
	return aside
}
