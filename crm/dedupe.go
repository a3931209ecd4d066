package crm

import (
	"cmp"
	"context"
	"fmt"
	"hash/maphash"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/omnicrm/omnicrm/crm/textindex"
)

const (
	// maxPairs is how many pairs a search for duplicates reports, the most likely first.
	maxPairs = 1_000
	// maxCompared bounds the contacts of one block that are compared with each
	// other: what more people share tells nothing about two of them.
	maxCompared = 50
	// maxFound bounds the pairs that are held in memory.
	maxFound = 100_000
)

// DuplicateReason says why two contacts may be the same.
type DuplicateReason string

// The reasons, in words for people.
const (
	SameEmail      DuplicateReason = "same email"
	SamePhone      DuplicateReason = "same phone number"
	SameName       DuplicateReason = "same name"
	SimilarName    DuplicateReason = "similar name"
	SameCompany    DuplicateReason = "same company"
	SameMailDomain DuplicateReason = "emails at the same domain"
)

// DuplicatePair are two contacts that may be the same.
type DuplicatePair struct {
	A ID `json:"a"`
	B ID `json:"b"`
	// Score is 0 to 1, the higher the likelier; 0.9 and more is nearly certain.
	Score   float64           `json:"score"`
	Reasons []DuplicateReason `json:"reasons"`
}

// DuplicateReport is the result of a dedupe job.
type DuplicateReport struct {
	// Contacts is how many were compared, Found how many pairs there are; at
	// 100,000 they are no longer counted.
	Contacts int `json:"contacts"`
	Found    int `json:"found"`
	// Pairs are the 1,000 likeliest, the likeliest first.
	Pairs []DuplicatePair `json:"pairs"`
}

// FindDuplicates starts a job that looks for live contacts of the workspace
// which may be the same person or organisation: it changes nothing, and its
// result is a [DuplicateReport]. Candidates share an email, a phone number, or
// the words of their name together with the company, or have similar names at one
// mail domain; two ids of one source are never the same. Of what more than 50
// contacts share, such as the number of an office, the first 50 are compared. While one such job of
// the workspace has not ended, another is a *ConflictError that names it.
func (s *ContactService) FindDuplicates(ctx context.Context, actor Actor) (Job, error) {
	if err := actor.Authorize(PermContactsWrite); err != nil {
		return Job{}, fmt.Errorf("find duplicates: %w", err)
	}
	j, err := s.core.jobs.newJob(actor, JobDedupe, ID(actor.Workspace), nil)
	j.Priority = PriorityLow // Nobody waits for it as for an import.
	if err == nil {
		err = s.core.inTx(ctx, actor.Workspace, func(tx Tx) error { return s.core.jobs.put(ctx, tx, actor, j) })
	}
	if err != nil {
		return Job{}, fmt.Errorf("find duplicates: %w", err)
	}
	s.core.jobs.dispatch(ctx, j)
	return j, nil
}

// runDedupe is the handler: it reads the contacts once, keeps of each what is
// compared, and compares within blocks. Nothing needs a checkpoint: 100,000
// contacts take seconds.
func (s *ContactService) runDedupe(ctx context.Context, run *JobRun) error {
	ws := run.Job.Workspace
	total, err := s.core.store.CountContacts(ctx, ws, ContactCriteria{}, 0)
	if err != nil {
		return fmt.Errorf("count contacts: %w", err)
	}
	d := newDedupe()
	var after ID
	for {
		ids, err := s.core.store.ListContactIDs(ctx, ws, ContactCriteria{}, after, feedPage)
		if err != nil {
			return fmt.Errorf("list contacts: %w", err)
		}
		if len(ids) == 0 {
			break
		}
		contacts, err := s.core.store.GetContacts(ctx, ws, ids)
		if err != nil {
			return fmt.Errorf("read contacts: %w", err)
		}
		for i := range contacts {
			d.add(&contacts[i])
		}
		after = ids[len(ids)-1]
		run.Progress(int64(len(d.contacts)), int64(total))
	}
	report, err := d.report(ctx)
	if err != nil {
		return err
	}
	return run.Result(report)
}

// dedupe holds of each contact a few words and numbers, 150 bytes or so.
type dedupe struct {
	seed     maphash.Seed
	contacts []likeness
	keys     []blockKey
	found    map[[2]uint32]float64
}

// likeness is what two contacts are compared by.
type likeness struct {
	id                       ID
	name                     string // its folded words, sorted
	company, source, sameAs  uint64 // hashes; 0 is none
	emails, phones, atDomain []uint64
}

// blockKey puts contacts into a block, whose members are compared.
type blockKey struct {
	hash    uint64
	contact uint32
}

func newDedupe() *dedupe {
	return &dedupe{seed: maphash.MakeSeed(), found: map[[2]uint32]float64{}}
}

func (d *dedupe) hash(kind, text string) uint64 {
	var h maphash.Hash
	h.SetSeed(d.seed)
	h.WriteString(kind)
	h.WriteByte(0)
	h.WriteString(text)
	return max(h.Sum64(), 1)
}

func (d *dedupe) add(c *Contact) {
	n := uint32(len(d.contacts)) //nolint:gosec // Memory ends before.
	words := textindex.Words(c.DisplayName)
	slices.Sort(words)
	k := likeness{id: c.ID, name: strings.Join(words, " ")}
	block := func(hash uint64) uint64 {
		d.keys = append(d.keys, blockKey{hash, n})
		return hash
	}
	if company := textindex.Words(c.Company); len(company) > 0 {
		k.company = d.hash("company", strings.Join(company, " "))
		if k.name != "" {
			block(d.hash("name at company", k.name+"\x00"+strings.Join(company, " ")))
		}
	}
	if c.SourceID != "" {
		k.source, k.sameAs = d.hash("source", c.Source), d.hash("source id", c.Source+"\x00"+c.SourceID)
	}
	for _, e := range c.Emails {
		address := strings.ToLower(e.Address)
		k.emails = append(k.emails, block(d.hash("email", address)))
		if _, domain, ok := strings.Cut(address, "@"); ok && len(words) > 0 {
			k.atDomain = append(k.atDomain, d.hash("domain", domain))
			block(d.hash("name at domain", domain+"\x00"+beginning(words[0])+beginning(words[len(words)-1])))
		}
	}
	for _, p := range c.Phones {
		if p.E164 != "" {
			k.phones = append(k.phones, block(d.hash("phone", p.E164)))
		}
	}
	d.contacts = append(d.contacts, k)
}

// beginning is the first letter of a word: names that are one typo apart mostly
// share it.
func beginning(word string) string {
	for _, r := range word {
		return string(r)
	}
	return ""
}

// report compares the members of each block.
func (d *dedupe) report(ctx context.Context) (DuplicateReport, error) {
	slices.SortFunc(d.keys, func(a, b blockKey) int { return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.contact, b.contact)) })
	d.keys = slices.Compact(d.keys)
	for len(d.keys) > 0 {
		n := 1
		for n < len(d.keys) && d.keys[n].hash == d.keys[0].hash {
			n++
		}
		if err := ctx.Err(); err != nil {
			return DuplicateReport{}, err
		}
		d.compareAll(d.keys[:min(n, maxCompared)])
		d.keys = d.keys[n:]
	}
	return d.likeliest(), nil
}

func (d *dedupe) compareAll(block []blockKey) {
	for i, a := range block {
		for _, b := range block[i+1:] {
			pair := [2]uint32{a.contact, b.contact}
			if _, seen := d.found[pair]; seen || len(d.found) >= maxFound {
				continue
			}
			if score, _ := d.compare(pair); score > 0 {
				d.found[pair] = score
			}
		}
	}
}

// compare returns how likely it is that two are the same, and why; 0 when they
// are no candidates.
func (d *dedupe) compare(pair [2]uint32) (float64, []DuplicateReason) {
	a, b := &d.contacts[pair[0]], &d.contacts[pair[1]]
	if a.source != 0 && a.source == b.source && a.sameAs != b.sameAs {
		return 0, nil // The source itself says that they are two.
	}
	var reasons []DuplicateReason
	unlikely := 1.0
	because := func(r DuplicateReason, likely float64) {
		reasons = append(reasons, r)
		unlikely *= 1 - likely
	}
	email, phone := share(a.emails, b.emails), share(a.phones, b.phones)
	company := a.company != 0 && a.company == b.company
	domain := share(a.atDomain, b.atDomain)
	same := a.name != "" && a.name == b.name
	near := !same && similar(a.name, b.name)
	switch {
	case email, phone, same && (company || domain), near && domain:
	default:
		return 0, nil // A name alone, or a similar one at a company, tells too little.
	}
	if email {
		because(SameEmail, 0.9)
	}
	if phone {
		because(SamePhone, 0.4) // Offices and families share them.
	}
	if same {
		because(SameName, 0.6)
	} else if near {
		because(SimilarName, 0.4)
	}
	if company {
		because(SameCompany, 0.4)
	}
	if domain && !email {
		because(SameMailDomain, 0.3)
	}
	return math.Round((1-unlikely)*100) / 100, reasons
}

func share(a, b []uint64) bool {
	return slices.ContainsFunc(a, func(h uint64) bool { return slices.Contains(b, h) })
}

// similar reports whether folded names are one edit of a letter apart (an insert,
// a delete, a replacement or a swap of neighbours) and long enough for that to be
// a typo: five letters or more.
func similar(a, b string) bool {
	x, y := []rune(a), []rune(b)
	if len(x) > len(y) {
		x, y = y, x
	}
	if len(x) < 5 || len(y)-len(x) > 1 {
		return false
	}
	i := 0
	for i < len(x) && x[i] == y[i] {
		i++
	}
	if len(x) < len(y) {
		return slices.Equal(x[i:], y[i+1:])
	}
	if i == len(x) {
		return true
	}
	swapped := i+1 < len(x) && x[i] == y[i+1] && x[i+1] == y[i] && slices.Equal(x[i+2:], y[i+2:])
	return swapped || slices.Equal(x[i+1:], y[i+1:])
}

// likeliest puts the report together.
func (d *dedupe) likeliest() DuplicateReport {
	pairs := make([][2]uint32, 0, len(d.found))
	for pair := range d.found {
		pairs = append(pairs, pair)
	}
	slices.SortFunc(pairs, func(a, b [2]uint32) int {
		return cmp.Or(cmp.Compare(d.found[b], d.found[a]), cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1]))
	})
	r := DuplicateReport{Contacts: len(d.contacts), Found: len(pairs), Pairs: []DuplicatePair{}}
	for _, pair := range pairs[:min(len(pairs), maxPairs)] {
		score, reasons := d.compare(pair)
		r.Pairs = append(r.Pairs, DuplicatePair{A: d.contacts[pair[0]].id, B: d.contacts[pair[1]].id, Score: score, Reasons: reasons})
	}
	return r
}

// dedupeOptions are the rules of the kind.
func dedupeOptions() JobOptions {
	return JobOptions{Timeout: time.Hour, PerWorkspace: 1}
}
