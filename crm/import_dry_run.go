package crm

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"io"
	"os"
)

// dryRun is the notebook of a dry run: it reads from the store and writes what
// the import would have written into itself, so that later records meet the
// earlier ones. Per contact it keeps some 100 bytes in memory; the contacts
// themselves lie in a temporary file.
type dryRun struct {
	matchTx
	FingerprintStore
	InteractionReader
	counter interface {
		CountContacts(ctx context.Context, ws WorkspaceID, where ContactCriteria, atMost int) (int, error)
	}

	file    *os.File
	out     *bufio.Writer
	offset  int64
	flushed int64

	seed     maphash.Seed
	contacts []span            // by number
	ids      map[ID]uint32     // number of a stored contact that was changed
	keys     map[uint64]uint32 // hash of a key -> its newest holder, plus one
	holders  []holder
	prints   map[Fingerprint]uint32
	refs     map[uint64]bool // hashes of the sources and source ids of interactions
	numbers  uint32
}

type span struct {
	offset int64
	length int32
}

// holder is an entry in the list of contacts that hold a key.
type holder struct {
	contact uint32
	next    uint32
}

func newDryRun(store tenantStore) (*dryRun, error) {
	file, err := os.CreateTemp("", "omnicrm-dry-run-*")
	if err != nil {
		return nil, fmt.Errorf("make a notebook: %w", err)
	}
	unlink(file)
	return &dryRun{
		matchTx: store, FingerprintStore: store, InteractionReader: store, counter: store, file: file, out: bufio.NewWriterSize(file, 1<<16),
		seed: maphash.MakeSeed(), ids: map[ID]uint32{}, keys: map[uint64]uint32{}, prints: map[Fingerprint]uint32{},
		refs: map[uint64]bool{},
	}, nil
}

func (d *dryRun) close() {
	closeScratch(d.file)
}

// virtual marks the ids that a dry run gives to contacts it would create: no
// UUID begins like this.
const virtual = ^uint64(0)

// newID numbers the contacts that do not exist. Events take ids too; theirs
// are never looked at.
func (d *dryRun) newID() ID {
	var id ID
	binary.BigEndian.PutUint64(id[:], virtual)
	d.numbers++
	binary.BigEndian.PutUint32(id[12:], d.numbers)
	return id
}

func isVirtual(id ID) bool { return binary.BigEndian.Uint64(id[:]) == virtual }

// hideVirtual takes ids that mean nothing outside of the dry run out of rows.
func hideVirtual(rows []ImportRow) {
	for i := range rows {
		if isVirtual(rows[i].Contact) {
			rows[i].Contact = ID{}
		}
		if isVirtual(rows[i].Interaction) {
			rows[i].Interaction = ID{}
		}
		var real []ID
		for _, c := range rows[i].Candidates {
			if !isVirtual(c) {
				real = append(real, c)
			}
		}
		rows[i].Candidates = real
	}
}

func (d *dryRun) hash(k ContactKey) uint64 {
	var h maphash.Hash
	h.SetSeed(d.seed)
	h.WriteByte(byte(k.Kind))
	h.WriteString(k.Value)
	return h.Sum64()
}

// PutContacts notes contacts.
func (d *dryRun) PutContacts(_ context.Context, _ WorkspaceID, writes []ContactWrite) error {
	for _, w := range writes {
		text, err := json.Marshal(w.Contact)
		if err != nil {
			return fmt.Errorf("note contact: %w", err)
		}
		if _, err := d.out.Write(text); err != nil {
			return fmt.Errorf("note contact: %w", err)
		}
		n, known := d.ids[w.Contact.ID]
		if !known {
			n = uint32(len(d.contacts)) //nolint:gosec // Fewer than 2^32 records fit any file.
			d.ids[w.Contact.ID] = n
			d.contacts = append(d.contacts, span{})
		}
		d.contacts[n] = span{d.offset, int32(len(text))} //nolint:gosec // A contact has far less than 2 GiB.
		d.offset += int64(len(text))
		for _, k := range w.Keys {
			d.hold(d.hash(k), n)
		}
	}
	return nil
}

func (d *dryRun) hold(key uint64, contact uint32) {
	for at := d.keys[key]; at > 0; at = d.holders[at-1].next {
		if d.holders[at-1].contact == contact {
			return
		}
	}
	d.holders = append(d.holders, holder{contact, d.keys[key]})
	d.keys[key] = uint32(len(d.holders)) //nolint:gosec // As above.
}

// FindContacts adds what the notebook holds to what the store has.
func (d *dryRun) FindContacts(ctx context.Context, ws WorkspaceID, keys []ContactKey) ([]ContactKeyHit, error) {
	hits, err := d.matchTx.FindContacts(ctx, ws, keys)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		for at := d.keys[d.hash(k)]; at > 0; at = d.holders[at-1].next {
			c, err := d.read(d.holders[at-1].contact)
			if err != nil {
				return nil, err
			}
			hits = append(hits, ContactKeyHit{Key: k, Contact: c.ID})
		}
	}
	return hits, nil
}

// GetContacts prefers the notebook.
func (d *dryRun) GetContacts(ctx context.Context, ws WorkspaceID, ids []ID) ([]Contact, error) {
	var noted []Contact
	var rest []ID
	for _, id := range ids {
		n, ok := d.ids[id]
		if !ok {
			rest = append(rest, id)
			continue
		}
		c, err := d.read(n)
		if err != nil {
			return nil, err
		}
		noted = append(noted, c)
	}
	if len(rest) == 0 {
		return noted, nil
	}
	stored, err := d.matchTx.GetContacts(ctx, ws, rest)
	return append(noted, stored...), err
}

func (d *dryRun) read(n uint32) (Contact, error) {
	s := d.contacts[n]
	if s.offset+int64(s.length) > d.flushed {
		if err := d.out.Flush(); err != nil {
			return Contact{}, fmt.Errorf("read note: %w", err)
		}
		d.flushed = d.offset
	}
	text := make([]byte, s.length)
	if _, err := d.file.ReadAt(text, s.offset); err != nil && err != io.EOF {
		return Contact{}, fmt.Errorf("read note: %w", err)
	}
	var c Contact
	if err := json.Unmarshal(text, &c); err != nil {
		return Contact{}, fmt.Errorf("read note: %w", err)
	}
	return c, nil
}

// CountContacts counts in the store: a dry run trashes nothing.
func (d *dryRun) CountContacts(ctx context.Context, ws WorkspaceID, where ContactCriteria, atMost int) (int, error) {
	return d.counter.CountContacts(ctx, ws, where, atMost)
}

// FindFingerprints adds what the notebook holds to what the store has.
func (d *dryRun) FindFingerprints(ctx context.Context, ws WorkspaceID, prints []Fingerprint) ([]FingerprintMark, error) {
	marks, err := d.FingerprintStore.FindFingerprints(ctx, ws, prints)
	if err != nil {
		return nil, err
	}
	for _, p := range prints {
		if n, ok := d.prints[p]; ok {
			c, err := d.read(n)
			if err != nil {
				return nil, err
			}
			marks = append(marks, FingerprintMark{Fingerprint: p, Contact: c.ID})
		}
	}
	return marks, nil
}

// PutInteractions notes the source ids, by which later records find them.
func (d *dryRun) PutInteractions(_ context.Context, _ WorkspaceID, writes []InteractionWrite) error {
	for _, w := range writes {
		if i := w.Interaction; i.SourceID != "" {
			d.refs[d.hash(SourceKey(i.Source, i.SourceID))] = true
		}
	}
	return nil
}

// FindInteractions adds what the notebook holds to what the store has.
func (d *dryRun) FindInteractions(ctx context.Context, ws WorkspaceID, refs []SourceRef) (map[SourceRef]ID, error) {
	found, err := d.InteractionReader.FindInteractions(ctx, ws, refs)
	if err != nil {
		return nil, err
	}
	for _, ref := range refs {
		if _, stored := found[ref]; !stored && d.refs[d.hash(SourceKey(ref.Source, ref.SourceID))] {
			found[ref] = d.newID()
		}
	}
	return found, nil
}

// PutFingerprints notes marks.
func (d *dryRun) PutFingerprints(_ context.Context, _ WorkspaceID, marks []FingerprintMark) error {
	for _, m := range marks {
		n, ok := d.ids[m.Contact]
		if !ok { // A stored contact that stays as it is.
			n = uint32(len(d.contacts)) //nolint:gosec // As above.
			if err := d.note(m.Contact); err != nil {
				return err
			}
		}
		if _, taken := d.prints[m.Fingerprint]; !taken {
			d.prints[m.Fingerprint] = n
		}
	}
	return nil
}

// note keeps the id alone of a contact that the dry run does not change; it is
// in no index of the notebook, so the store still answers for it.
func (d *dryRun) note(id ID) error {
	text, err := json.Marshal(Contact{ID: id})
	if err == nil {
		_, err = d.out.Write(text)
	}
	if err != nil {
		return fmt.Errorf("note contact: %w", err)
	}
	d.contacts = append(d.contacts, span{d.offset, int32(len(text))}) //nolint:gosec // As above.
	d.offset += int64(len(text))
	return nil
}

// A dry run leaves no other traces.

// EraseContacts does nothing.
func (d *dryRun) EraseContacts(context.Context, WorkspaceID, []ID) (int, error) { return 0, nil }

// DeleteInteractions does nothing.
func (d *dryRun) DeleteInteractions(context.Context, WorkspaceID, []ID) (int, error) { return 0, nil }

// RefreshLastInteractions does nothing.
func (d *dryRun) RefreshLastInteractions(context.Context, WorkspaceID, []ID) error { return nil }

// AddTagCounts does nothing.
func (d *dryRun) AddTagCounts(context.Context, WorkspaceID, []TagDelta) error { return nil }

// AddToSeries does nothing.
func (d *dryRun) AddToSeries(context.Context, WorkspaceID, []SeriesDelta) error { return nil }

// PutImages does nothing.
func (d *dryRun) PutImages(context.Context, WorkspaceID, []Image) error { return nil }

// DeleteImages does nothing.
func (d *dryRun) DeleteImages(context.Context, WorkspaceID, []ID) error { return nil }

// DeleteInsights does nothing.
func (d *dryRun) DeleteInsights(context.Context, WorkspaceID, []ID) error { return nil }

// DeleteViews does nothing.
func (d *dryRun) DeleteViews(context.Context, WorkspaceID, []ID) error { return nil }

// DeleteFingerprints does nothing.
func (d *dryRun) DeleteFingerprints(context.Context, WorkspaceID, []ID, ID) error { return nil }

// AppendEvents does nothing.
func (d *dryRun) AppendEvents(context.Context, WorkspaceID, []Event) error { return nil }

// PutImportRows does nothing: the caller keeps the rows.
func (d *dryRun) PutImportRows(context.Context, WorkspaceID, ID, []ImportRow) error { return nil }
