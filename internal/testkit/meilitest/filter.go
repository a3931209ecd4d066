package meilitest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// filter is a condition of documents.
type filter interface {
	keeps(d *doc) bool
}

type (
	all       []filter
	anyOf     []filter
	negated   struct{ filter }
	condition struct {
		attr, operator string
		values         []operand
	}
	operand struct {
		text   string // normalised
		number float64
		isNum  bool
	}
)

func (f all) keeps(d *doc) bool {
	return !slices.ContainsFunc(f, func(one filter) bool { return !one.keeps(d) })
}

func (f anyOf) keeps(d *doc) bool {
	return slices.ContainsFunc(f, func(one filter) bool { return one.keeps(d) })
}

func (f negated) keeps(d *doc) bool { return !f.filter.keeps(d) }

func (c condition) keeps(d *doc) bool {
	v, there := d.values[c.attr]
	switch c.operator {
	case "IS NULL":
		return there && v.null
	case "EXISTS":
		return there
	case "!=":
		return !c.equal(v)
	case "=", "IN":
		return c.equal(v)
	case "STARTS WITH":
		return slices.ContainsFunc(v.texts, func(t string) bool { return strings.HasPrefix(t, c.values[0].text) })
	case "TO":
		return slices.ContainsFunc(v.numbers, func(n float64) bool { return c.values[0].number <= n && n <= c.values[1].number })
	}
	return slices.ContainsFunc(v.numbers, func(n float64) bool {
		order := cmp.Compare(n, c.values[0].number)
		switch c.operator {
		case ">":
			return order > 0
		case ">=":
			return order >= 0
		case "<":
			return order < 0
		}
		return order <= 0
	})
}

func (c condition) equal(v value) bool {
	return slices.ContainsFunc(c.values, func(o operand) bool {
		return slices.Contains(v.texts, o.text) || o.isNum && slices.Contains(v.numbers, o.number)
	})
}

// parse reads a filter for an index; an index that is not there has nothing to
// filter by.
func (s *Server) parse(x *index, text, code string) (filter, answer) {
	p := &parser{rest: text, noStartsWith: s.o.NoStartsWith}
	if x != nil {
		p.filterable = x.names("filterableAttributes")
		p.uid = x.uid
	}
	f := p.or()
	p.space()
	switch {
	case p.refused != "":
		return nil, refuse("%s in the filter %.200s", p.refused, text)
	case p.failed != "":
		return nil, fail(http.StatusBadRequest, p.failed, code)
	case p.rest != "":
		return nil, refuse("an end of the filter that is not understood: %.100s", p.rest)
	}
	return f, answer{}
}

// parseAny reads what a search has as its filter: nothing, a text, or a list
// of texts and lists.
func (s *Server) parseAny(x *index, raw json.RawMessage) (filter, answer) {
	var text string
	var list []json.RawMessage
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return all{}, answer{}
	case json.Unmarshal(raw, &text) == nil:
		return s.parse(x, text, "invalid_search_filter")
	case json.Unmarshal(raw, &list) != nil:
		return nil, refuse("a filter that is neither text nor list")
	}
	out := all{}
	for _, one := range list {
		var either []string
		if json.Unmarshal(one, &text) == nil {
			either = []string{text}
		} else if json.Unmarshal(one, &either) != nil {
			return nil, refuse("a filter of lists in lists")
		}
		var some anyOf
		for _, text := range either {
			f, bad := s.parse(x, text, "invalid_search_filter")
			if f == nil {
				return nil, bad
			}
			some = append(some, f)
		}
		out = append(out, some)
	}
	return out, answer{}
}

// parser reads a filter by the recorded grammar.
type parser struct {
	rest         string
	filterable   []string
	uid          string
	noStartsWith bool
	// failed is what the real one would say, refused what nothing is known of.
	failed, refused string
}

func (p *parser) space() { p.rest = strings.TrimLeft(p.rest, " \n\t") }

func (p *parser) take(word string) bool {
	p.space()
	rest, found := strings.CutPrefix(p.rest, word)
	if !found || strings.ToUpper(word) == word && word[0] >= 'A' && word[0] <= 'Z' && rest != "" && !strings.ContainsRune(" (\"'", rune(rest[0])) {
		return false
	}
	p.rest = rest
	return true
}

func (p *parser) or() filter {
	some := anyOf{p.and()}
	for p.ok() && p.take("OR") {
		some = append(some, p.and())
	}
	if len(some) == 1 {
		return some[0]
	}
	return some
}

func (p *parser) and() filter {
	some := all{p.not()}
	for p.ok() && p.take("AND") {
		some = append(some, p.not())
	}
	if len(some) == 1 {
		return some[0]
	}
	return some
}

func (p *parser) ok() bool { return p.failed == "" && p.refused == "" }

func (p *parser) not() filter {
	if !p.ok() {
		return all{}
	}
	if p.take("NOT") {
		return negated{p.not()}
	}
	if p.take("(") {
		f := p.or()
		if p.ok() && !p.take(")") {
			p.refused = "an open parenthesis"
		}
		return f
	}
	return p.condition()
}

func (p *parser) condition() filter {
	attr, ok := p.word()
	if !ok {
		p.refused = "no attribute"
		return all{}
	}
	c := condition{attr: attr}
	switch {
	case p.take("IS NULL"):
		c.operator = "IS NULL"
	case p.take("IS EMPTY"):
		c.operator = "EXISTS" // Nothing that is filtered by it is known; see below.
		if slices.Contains(p.filterable, attr) {
			p.refused = "IS EMPTY"
		}
	case p.take("EXISTS"):
		c.operator = "EXISTS"
	case p.take("IN"):
		c.operator = "IN"
		p.list(&c)
	case p.take("STARTS WITH"):
		c.operator = "STARTS WITH"
		if p.noStartsWith {
			p.failed = "using `STARTS WITH` in a filter requires enabling the `contains filter` experimental feature."
			return all{}
		}
		p.operand(&c)
	default:
		p.compare(&c)
	}
	if p.ok() && !slices.Contains(p.filterable, attr) {
		p.failed = fmt.Sprintf("Index `%s`: Attribute `%s` is not filterable.", p.uid, attr)
	}
	return c
}

func (p *parser) compare(c *condition) {
	for _, operator := range []string{"!=", ">=", "<=", "=", ">", "<"} {
		if p.take(operator) {
			c.operator = operator
			p.operand(c)
			return
		}
	}
	p.operand(c)
	if !p.take("TO") {
		p.refused = "an operator that was not recorded"
		return
	}
	c.operator = "TO"
	p.operand(c)
}

func (p *parser) list(c *condition) {
	if !p.take("[") {
		p.refused = "IN without a list"
		return
	}
	for p.ok() && !p.take("]") {
		p.operand(c)
		p.take(",")
	}
}

func (p *parser) operand(c *condition) {
	word, found := p.word()
	if !found {
		p.failed = "Was expecting a value but instead got nothing."
		return
	}
	o := operand{text: normalise(word)}
	if n, err := strconv.ParseFloat(word, 64); err == nil {
		o.number, o.isNum = n, true
	}
	if strings.ContainsAny(c.operator, "<>") && !o.isNum {
		p.refused = "a comparison of texts"
	}
	c.values = append(c.values, o)
}

// word reads a quoted text or a bare word.
func (p *parser) word() (string, bool) {
	p.space()
	if p.rest == "" {
		return "", false
	}
	if mark := p.rest[0]; mark == '"' || mark == '\'' {
		var b strings.Builder
		for i := 1; i < len(p.rest); i++ {
			switch c := p.rest[i]; {
			case c == '\\' && i+1 < len(p.rest):
				i++
				b.WriteByte(p.rest[i])
			case c == mark:
				p.rest = p.rest[i+1:]
				return b.String(), true
			default:
				b.WriteByte(c)
			}
		}
		return "", false
	}
	end := strings.IndexAny(p.rest, " ()[],=!<>\"'\n\t")
	if end < 0 {
		end = len(p.rest)
	}
	word := p.rest[:end]
	p.rest = p.rest[end:]
	return word, word != ""
}
