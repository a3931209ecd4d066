package main

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// ledger is what servers have acknowledged to the clients of the chaos test,
// and so what must be found whatever is killed. Safe for parallel use.
type ledger struct {
	mu      sync.Mutex
	people  map[string]person
	moved   map[string]bool // those who were in the trash at some time
	unsure  map[string]bool // those who are being changed
	erased  map[string]bool
	talks   map[string]talk
	imports map[string]fileNote
	jobs    map[string]bool
	writes  int // acknowledged
	again   int // sent again after their answer was lost
}

func newLedger() *ledger {
	return &ledger{
		people: map[string]person{}, moved: map[string]bool{}, unsure: map[string]bool{}, erased: map[string]bool{},
		talks: map[string]talk{}, imports: map[string]fileNote{}, jobs: map[string]bool{},
	}
}

// person is a contact, as far as clients write it.
type person struct {
	ID        string     `json:"id"`
	Name      string     `json:"displayName"`
	Notes     string     `json:"notes"`
	Stage     string     `json:"stage"`
	Company   string     `json:"company"`
	Tags      []string   `json:"tags"`
	Version   int        `json:"version"`
	CreatedAt time.Time  `json:"createdAt"`
	DeletedAt *time.Time `json:"deletedAt"`
	LastAt    *time.Time `json:"lastInteractionAt"`
	// peak is the highest version that it ever had: an undo goes back behind it.
	peak int
}

func (p person) trashed() bool { return p.DeletedAt != nil }

// next is the contact after one more change.
func (p person) next(change func(*person)) person {
	p.Tags = slices.Clone(p.Tags)
	p.peak = max(p.peak, p.Version) + 1
	p.Version = p.peak
	change(&p)
	return p
}

// talk is an interaction.
type talk struct {
	ID           string        `json:"id"`
	SourceID     string        `json:"sourceId"`
	Subject      string        `json:"subject"`
	At           time.Time     `json:"occurredAt"`
	Version      int           `json:"version"`
	Participants []participant `json:"participants"`
}

type participant struct {
	Contact string `json:"contactId"`
}

func (t talk) with(contact string) bool {
	for _, p := range t.Participants {
		if p.Contact == contact {
			return true
		}
	}
	return false
}

// fileNote is an import whose every row makes a contact of the company named.
type fileNote struct {
	Company string
	Rows    int
	// Status is the last one that was acknowledged: ready, committed or undone.
	Status string
}

// acknowledged notes what an answer said of contacts.
func (l *ledger) acknowledged(people ...person) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writes++
	for _, p := range people {
		p.peak = max(p.peak, p.Version, l.people[p.ID].peak)
		l.people[p.ID] = p
		delete(l.unsure, p.ID)
		if p.trashed() {
			l.moved[p.ID] = true
		}
	}
}

// changing notes that contacts may be otherwise from now on, and may be in the
// trash if one of those that are to come is.
func (l *ledger) changing(to ...person) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range to {
		l.unsure[p.ID] = true
		l.moved[p.ID] = l.moved[p.ID] || p.trashed()
	}
}

// gone notes that a contact was erased with its interactions.
func (l *ledger) gone(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writes++
	l.erased[id] = true
	delete(l.people, id)
	maps.DeleteFunc(l.talks, func(_ string, t talk) bool { return t.with(id) })
}

// sure tells whether nobody is changing a contact.
func (l *ledger) sure(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.unsure[id]
}

func (l *ledger) talked(t talk) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writes++
	l.talks[t.ID] = t
}

func (l *ledger) imported(id string, n fileNote) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writes++
	l.imports[id] = n
}

func (l *ledger) job(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.writes++
	l.jobs[id] = true
}

func (l *ledger) lost() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.again++
}

func (l *ledger) person(id string) person {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.people[id]
}

// settled are the contacts that are live and never were in the trash.
func (l *ledger) settled() []person {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []person
	for _, p := range l.people {
		if !l.moved[p.ID] {
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b person) int { return a.CreatedAt.Compare(b.CreatedAt) })
	return all
}

func (l *ledger) written() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.writes
}

// seen is what is found in the end, by the API and in the log.
type seen struct {
	people  map[string]person
	talks   map[string]talk
	imports map[string]seenImport
	jobs    map[string]seenJob
	log     []logged
	heard   []heardStream
	journal map[string]bool // of erasures
	figures seenFigures
	// at is a moment of the day that the figures are of.
	at time.Time
}

type seenImport struct {
	Status string
	Counts struct{ Rows, Created, Updated, Unchanged, Ambiguous, Problems int }
	// report is how many of its rows say created.
	report int
}

type seenJob struct {
	ID, Kind, Status string
	Result           struct{ Changed int }
	Error            *struct{ Code, Message string }
}

// logged is an event of the log.
type logged struct {
	position             int64
	kind, subject, batch string
}

// heardStream is what one listener heard, across all its connections.
type heardStream struct {
	start  int64
	events []logged
}

// seenFigures are the figures that are kept beside the rows.
type seenFigures struct {
	total, trash, week, talks7, grown int
	stages, sources, companies        map[string]int
	tags                              map[string]int
}
