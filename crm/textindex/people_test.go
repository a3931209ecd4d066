package textindex_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/omnicrm/omnicrm/crm/textindex"
)

// people makes documents by seed. The same seed gives the same documents.
type people struct {
	random *rand.Rand
	wide   bool // many made-up words, as in a large address book
}

func newPeople(seed uint64) *people {
	return &people{random: rand.New(rand.NewPCG(seed, 1))}
}

var (
	givenNames = strings.Fields(`Maria Anna Zoë Łukasz José Søren Ægir John Elizabeth Christopher Muhammad Fatima
		Wei Nguyễn Đorđe Åsa Jürgen Müge Işık Siobhán D'Arcy Jean-Luc Marie Mario Marianne Ana Bob Al Ng Alexander Alexandra
		Андрей Ольга Γιώργος محمد דוד राम สมชาย 田中 美咲 김철수 박지민 王伟 李娜 タロウ さくら`)
	familyNames = strings.Fields(`Cantwell Brown Fitzgerald Anderson Washington Morgan Khan O'Brien O’Neill Łukaszewicz
		Straße Müller Nørgård Smith-Jones Smith Garcia García Fernández Christopherson Lee Li Wu Xu Иванов Παπαδόπουλος
		حسين כהן शर्मा 太郎 鈴木一郎 이영희 张三丰 ヤマダ Van der Berg Brownlee Canton Cantor Andersen`)
	companyWords = strings.Fields(`Acme Senate Globex Initech Umbrella Northwind Contoso Systems Consulting Logistics
		Bäckerei Café GmbH Partners International Washington 株式会社 東京電力 삼성전자 H&M 3M AT&T Group24 X`)
	noteWords = strings.Fields(`met at the conference likes tea prefers phone calls brown dog wants offer renewal contract
		2021 2024 room 12 budget 500000 follow-up Zürich 東京で会った call back 202-224-3441 ext can't won't international`)
	domains = strings.Fields(`example.com senate.gov gmail.com acme.co.uk mail.例え.jp brown-partners.org`)
	stages  = strings.Fields(`lead prospect customer advocate none`)
	tags    = strings.Fields(`vip press partner 東京 zürich a b c`)
)

func (p *people) one(list []string) string { return list[p.random.IntN(len(list))] }

func (p *people) chance(percent int) bool { return p.random.IntN(100) < percent }

// id spreads the ids of n so that their order is not the order of creation.
func id(n int) textindex.ID {
	var out textindex.ID
	binary.BigEndian.PutUint64(out[:], uint64(n)*0x9E3779B97F4A7C15)
	binary.BigEndian.PutUint64(out[8:], uint64(n+1))
	return out
}

const letters = "etaoinshrdlucmfwypvbgkjqxz"

func (p *people) madeUp() string {
	b := make([]byte, 4+p.random.IntN(6))
	for i := range b {
		b[i] = letters[int(float64(len(letters))*p.random.Float64()*p.random.Float64())]
	}
	return string(b)
}

func (p *people) name() (given, family string) {
	given, family = p.one(givenNames), p.one(familyNames)
	if p.wide && p.chance(70) {
		family = p.madeUp()
	}
	if p.wide && p.chance(30) {
		given = p.madeUp()
	}
	return given, family
}

func (p *people) phone() string {
	n := fmt.Sprintf("%03d%03d%04d", p.random.IntN(800)+200, p.random.IntN(1000), p.random.IntN(10000))
	switch p.random.IntN(8) {
	case 0:
		return "(202) 224-" + n[6:]
	case 1:
		return "+1 202 22" + n[5:]
	case 2:
		return n[:p.random.IntN(5)]
	case 3:
		return "+44 " + n + " ext. 12"
	}
	return "+1" + n
}

func (p *people) document(n int) textindex.Document {
	given, family := p.name()
	d := textindex.Document{ID: id(n), Version: p.random.Int64N(1000), SortKey: textindex.Fold(family + " " + given)}
	add := func(name, text string, kind textindex.Kind, rank uint8, infix bool) {
		d.Fields = append(d.Fields, textindex.Field{Name: name, Text: text, Kind: kind, Rank: rank, Infix: infix})
	}
	add("name", given+" "+family, textindex.KindText, 0, true)
	if p.chance(85) {
		local := textindex.Fold(given + "." + family)
		if p.chance(50) {
			local += fmt.Sprint(p.random.IntN(100))
		}
		add("email", local+"@"+p.one(domains), textindex.KindEmail, 1, true)
	}
	for range p.random.IntN(3) {
		add("phone", p.phone(), textindex.KindPhone, 2, false)
	}
	company := p.one(companyWords)
	if p.chance(60) {
		company += " " + p.one(companyWords)
		add("company", company, textindex.KindText, 2, true)
		d.Terms = append(d.Terms, "company\x00"+company)
	}
	if p.chance(40) {
		var note []string
		for range p.random.IntN(12) {
			note = append(note, p.one(noteWords))
		}
		add("notes", strings.Join(note, " "), textindex.KindText, 2, false)
	}
	d.Terms = append(d.Terms, "stage\x00"+p.one(stages), "source\x00"+p.one([]string{"manual", "import"}))
	for range p.random.IntN(3) {
		tag := p.one(tags)
		add("tag", tag, textindex.KindText, 2, false)
		d.Terms = append(d.Terms, "tag\x00"+tag)
	}
	d.Numbers = []int64{int64(p.random.IntN(500)), p.random.Int64() - p.random.Int64(), int64(n)}
	d.Numbers = d.Numbers[:3-p.random.IntN(20)/19]
	return d
}

// options fit the documents.
func options() textindex.Options { return textindex.Options{Columns: 3} }

// typo changes the word at one place.
func (p *people) typo(word string) string {
	r := []rune(word)
	if len(r) < 2 {
		return word
	}
	i := p.random.IntN(len(r))
	switch p.random.IntN(4) {
	case 0:
		return string(r[:i]) + string(r[i+1:])
	case 1:
		return string(r[:i]) + "e" + string(r[i:])
	case 2:
		r[i] = 'x'
	case 3:
		j := max(i, 1)
		r[j-1], r[j] = r[j], r[j-1]
	}
	return string(r)
}

// text makes a query text for a document: words of it, cut, with typos, joined
// in several ways; sometimes nonsense.
func (p *people) text(d textindex.Document) string {
	var out []string
	for range 1 + p.random.IntN(3) {
		f := d.Fields[p.random.IntN(len(d.Fields))]
		if p.chance(15) {
			out = append(out, f.Text)
			continue
		}
		words := textindex.Words(f.Text)
		if p.chance(30) {
			words = strings.Fields(f.Text)
		}
		if len(words) == 0 {
			continue
		}
		w := p.one(words)
		r := []rune(w)
		switch p.random.IntN(7) {
		case 0:
			w = p.typo(w)
		case 1:
			w = p.typo(p.typo(w))
		case 2:
			w = string(r[:1+p.random.IntN(len(r))])
		case 3:
			w = string(r[p.random.IntN(len(r)):])
		case 4:
			from := p.random.IntN(len(r))
			w = string(r[from : from+1+p.random.IntN(len(r)-from)])
		case 5:
			w = strings.ToUpper(w)
		}
		out = append(out, w)
	}
	if p.chance(5) {
		out = append(out, p.one([]string{"@", "-", "'", "zz zz", "\xff\xfe", "☎", "2", "12 34", "m@", "👍🏽", "a"}))
	}
	return strings.Join(out, p.one([]string{" ", "  ", ", ", "-", " . ", "\u00a0", "\n"}))
}

// query makes a query for a document.
func (p *people) query(d textindex.Document) textindex.Query {
	q := textindex.Query{Text: p.text(d), Limit: 1 << 20}
	if p.chance(10) {
		q.MatchAll = true
	}
	if p.chance(20) {
		q.Terms = append(q.Terms, []string{"stage\x00" + p.one(stages), "stage\x00" + p.one(stages)})
	}
	if p.chance(5) {
		q.Terms = append(q.Terms, []string{"tag\x00" + p.one(tags), "tag\x00unknown"})
	}
	if p.chance(10) {
		q.Ranges = append(q.Ranges, textindex.Range{Column: 0, From: int64(p.random.IntN(300)), To: int64(200 + p.random.IntN(300))})
	}
	if p.chance(30) {
		q.Order = textindex.Order{By: textindex.OrderBy(p.random.IntN(3)), Column: p.random.IntN(3), Desc: p.chance(50)}
	}
	if p.chance(40) {
		q.FacetPrefixes = []string{"stage\x00", "company\x00", "none\x00"}
		q.FacetLimit = p.random.IntN(8)
	}
	return q
}
