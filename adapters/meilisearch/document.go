package meilisearch

import (
	"strings"

	"github.com/omnicrm/omnicrm/crm"
)

// document is a contact on the server. The names are short because each stands
// in every document and in most requests. docs/adr/0020 says why it is so.
type document struct {
	// ID is the workspace's and the contact's: the same contact id in another
	// workspace is another document. Ids are in their one lower-case form, because
	// filters pass over case.
	ID        string `json:"id"`
	Workspace string `json:"ws"`
	Contact   string `json:"contact"`
	Version   int64  `json:"v"`
	// The id in numbers.
	I0 int64 `json:"i0"`
	I1 int64 `json:"i1"`
	I2 int64 `json:"i2"`
	// Times in microseconds and the score.
	N0 int64 `json:"n0"`
	N1 int64 `json:"n1"`
	N2 int64 `json:"n2"`
	N3 int64 `json:"n3"`
	N4 int64 `json:"n4"`
	// The sort key, and its beginning in numbers.
	Key string `json:"k"`
	K0  int64  `json:"k0"`
	K1  int64  `json:"k1"`
	K2  int64  `json:"k2"`
	K3  int64  `json:"k3"`
	// All words, those of the name, those of emails and company.
	Words  []string `json:"w"`
	Words0 []string `json:"w0,omitempty"`
	Words1 []string `json:"w1,omitempty"`
	// Endings of words, all and those of the name.
	Endings  []string `json:"e,omitempty"`
	Endings0 []string `json:"e0,omitempty"`
	// Ends of runs of Han, Kana and Hangul.
	Runs  []string `json:"c,omitempty"`
	Runs0 []string `json:"c0,omitempty"`
	Runs1 []string `json:"c1,omitempty"`
	// Whole addresses and numbers, and endings of numbers.
	Emails    []string `json:"em,omitempty"`
	Phones    []string `json:"ph,omitempty"`
	PhoneEnds []string `json:"pe,omitempty"`
	// Exact attributes, for filters.
	Terms []string `json:"t"`
	// Values to count, encoded.
	Stage   []string `json:"stage,omitempty"`
	Tag     []string `json:"tag,omitempty"`
	Source  []string `json:"source,omitempty"`
	Company []string `json:"company,omitempty"`

	*direct
}

// direct is what a front end that asks the server itself searches and shows.
type direct struct {
	DisplayName string   `json:"displayName"`
	Emails      []string `json:"emails"`
	Phones      []string `json:"phones"`
	Tags        []string `json:"tags"`
	CompanyName string   `json:"companyName"`
}

func documentID(ws crm.WorkspaceID, contact crm.ID) string {
	return ws.String() + "_" + contact.String()
}

// documentOf returns what the server keeps of a contact.
func (x *Index) documentOf(ws crm.WorkspaceID, c *crm.Contact) document {
	entry := crm.ReadSearchEntry(c)
	d := document{
		ID: documentID(ws, c.ID), Workspace: ws.String(), Contact: c.ID.String(), Version: c.Version,
		Key: encodeKey(entry.SortKey), Words: []string{}, Terms: []string{},
	}
	id, key := idNumbers(c.ID), keyNumbers(entry.SortKey)
	d.I0, d.I1, d.I2 = id[0], id[1], id[2]
	d.K0, d.K1, d.K2, d.K3 = key[0], key[1], key[2], key[3]
	n := entry.Numbers
	d.N0, d.N1, d.N2, d.N3, d.N4 = exactly(n[0]), exactly(n[1]), exactly(n[2]), exactly(n[3]), exactly(n[crm.SearchRecency])
	d.say(entry.Contents)
	d.mark(entry.Terms)
	if x.o.Direct {
		d.direct = directOf(c)
	}
	return d
}

// say adds what the contact says.
func (d *document) say(c crm.SearchContents) {
	for _, w := range c.Words {
		run := crm.IsSearchRun(w.Text)
		word := encodeWord(w.Text, run)
		d.Words = append(d.Words, word)
		var ends []string
		if run {
			ends = suffixes(w.Text)
			d.Runs = append(d.Runs, ends...)
		} else if w.Infix {
			ends = endings(w.Text)
			d.Endings = append(d.Endings, ends...)
			if int(w.InfixRank) == crm.SearchRankName {
				d.Endings0 = append(d.Endings0, ends...)
			}
		}
		switch int(w.Rank) {
		case crm.SearchRankName:
			d.Words0 = append(d.Words0, word)
			if run {
				d.Runs0 = append(d.Runs0, ends...)
			}
		case crm.SearchRankReach:
			d.Words1 = append(d.Words1, word)
			if run {
				d.Runs1 = append(d.Runs1, ends...)
			}
		}
	}
	for _, list := range []*[]string{&d.Words, &d.Words0, &d.Words1, &d.Endings, &d.Endings0, &d.Runs, &d.Runs0, &d.Runs1} {
		*list = unique(*list)
	}
	for _, e := range c.Emails {
		d.Emails = append(d.Emails, encodeEmail(e.Text))
	}
	for _, p := range c.Phones {
		d.Phones = append(d.Phones, encodeNumber(p.Text))
		d.PhoneEnds = append(d.PhoneEnds, digitEndings(p.Text)...)
	}
	d.PhoneEnds = unique(d.PhoneEnds)
}

// mark adds the exact attributes and the facet values among them.
func (d *document) mark(terms []string) {
	facets := map[crm.Facet]*[]string{crm.FacetStage: &d.Stage, crm.FacetTag: &d.Tag, crm.FacetSource: &d.Source, crm.FacetCompany: &d.Company}
	for _, t := range terms {
		d.Terms = append(d.Terms, encodeTerm(t))
		for facet, values := range facets {
			if value, ok := strings.CutPrefix(t, crm.FacetTerm(facet)); ok {
				*values = append(*values, encodeFacet(value))
			}
		}
	}
	d.Terms = unique(d.Terms)
}

func directOf(c *crm.Contact) *direct {
	out := &direct{DisplayName: c.DisplayName, CompanyName: c.Company, Emails: []string{}, Phones: []string{}, Tags: []string{}}
	for _, e := range c.Emails {
		out.Emails = append(out.Emails, e.Address)
	}
	for _, p := range c.Phones {
		out.Phones = append(out.Phones, p.Number)
	}
	out.Tags = append(out.Tags, c.Tags...)
	return out
}

// hit is what is read of a document.
type hit struct {
	Contact string `json:"contact"`
	Version int64  `json:"v"`
	Key     string `json:"k"`
	N0      int64  `json:"n0"`
	N1      int64  `json:"n1"`
	N2      int64  `json:"n2"`
	N3      int64  `json:"n3"`
	N4      int64  `json:"n4"`

	Words  []string `json:"w"`
	Words0 []string `json:"w0"`
	Words1 []string `json:"w1"`
	Emails []string `json:"em"`
	Phones []string `json:"ph"`
}

func (h *hit) column(n int) int64 { return [...]int64{h.N0, h.N1, h.N2, h.N3, h.N4}[n] }

// contents returns what the document says, as far as it was asked for.
func (h *hit) contents() crm.SearchContents {
	best := make(map[string]int, len(h.Words))
	for _, w := range h.Words1 {
		best[w] = crm.SearchRankReach
	}
	for _, w := range h.Words0 {
		best[w] = crm.SearchRankName
	}
	var c crm.SearchContents
	for _, w := range h.Words {
		said := crm.SearchSaid{Text: decodeWord(w), Rank: uint8(crm.SearchRankRest)}
		if rank, ok := best[w]; ok {
			said.Rank, said.InfixRank, said.Infix = uint8(rank), uint8(rank), true //nolint:gosec // 0 to 2.
		}
		c.Words = append(c.Words, said)
	}
	for _, e := range h.Emails {
		c.Emails = append(c.Emails, crm.SearchWhole{Text: decodeEmail(e), Rank: uint8(crm.SearchRankReach)})
	}
	for _, p := range h.Phones {
		c.Phones = append(c.Phones, crm.SearchWhole{Text: p, Rank: uint8(crm.SearchRankRest)})
	}
	return c
}
