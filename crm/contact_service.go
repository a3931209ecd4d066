package crm

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ContactService is everything one does with contacts. It validates,
// authorises, decides and emits; the store only keeps.
type ContactService struct {
	core *core
}

// Create adds a contact. It never matches an existing one; the only contact in
// the way can be one with the same source and source id, which is a
// *ConflictError with its id. Broken rules are a *ValidationError.
func (s *ContactService) Create(ctx context.Context, actor Actor, in NewContact) (Contact, error) {
	if err := actor.Authorize(PermContactsWrite); err != nil {
		return Contact{}, fmt.Errorf("create contact: %w", err)
	}
	n, err := s.core.normalizer(ctx, actor.Workspace)
	if err != nil {
		return Contact{}, fmt.Errorf("create contact: %w", err)
	}
	c, err := n.contact(in)
	if err != nil {
		return Contact{}, fmt.Errorf("create contact: %w", err)
	}
	made := derive(c)
	err = s.core.inTx(ctx, actor.Workspace, func(tx Tx) error {
		set := s.core.newChangeSet(actor, ID{})
		stored := set.create(c)
		set.changes[0].derived = made
		if err := set.write(ctx, tx, actor.Workspace); err != nil {
			return err
		}
		c = stored
		return nil
	})
	if err != nil {
		return Contact{}, fmt.Errorf("create contact: %w", err)
	}
	return c, nil
}

// normalizer prepares the workspace on its first use and returns its rules.
func (k *core) normalizer(ctx context.Context, ws WorkspaceID) (normalizer, error) {
	if err := k.workspaces.ensure(ctx, ws); err != nil {
		return normalizer{}, err
	}
	w, err := k.workspaces.settings(ctx, ws)
	return normalizer{phones: k.phones, region: w.Region}, err
}

// inTx runs a use case and tells the search feed that the log has grown.
func (k *core) inTx(ctx context.Context, ws WorkspaceID, fn func(tx Tx) error) error {
	k.callers.Add(1)
	return k.inBackgroundTx(ctx, ws, fn)
}

// inBackgroundTx is inTx for work that nobody waits for.
func (k *core) inBackgroundTx(ctx context.Context, ws WorkspaceID, fn func(tx Tx) error) error {
	return k.transact(ctx, ws, k.store.InTx, fn)
}

// inResumableTx is inBackgroundTx for what goes on from a checkpoint in the
// same transaction.
func (k *core) inResumableTx(ctx context.Context, ws WorkspaceID, fn func(tx Tx) error) error {
	if s, ok := k.store.(ResumableTransactor); ok {
		return k.transact(ctx, ws, s.InResumableTx, fn)
	}
	return k.transact(ctx, ws, k.store.InTx, fn)
}

func (k *core) transact(
	ctx context.Context, ws WorkspaceID, inTx func(context.Context, func(Tx) error) error, fn func(tx Tx) error,
) error {
	err := inTx(ctx, fn)
	k.search.wrote(ws) // Also after an error: the commit may have come through.
	k.watch.wrote()
	return err
}

// Get returns a contact, a trashed one too.
func (s *ContactService) Get(ctx context.Context, actor Actor, id ID) (Contact, error) {
	if err := actor.Authorize(PermContactsRead); err != nil {
		return Contact{}, fmt.Errorf("get contact: %w", err)
	}
	c, err := getContact(ctx, s.core.store, actor.Workspace, id)
	if err != nil {
		return Contact{}, fmt.Errorf("get contact %s: %w", id, err)
	}
	return c, nil
}

func getContact(ctx context.Context, tx matchTx, ws WorkspaceID, id ID) (Contact, error) {
	found, err := tx.GetContacts(ctx, ws, []ID{id})
	if err != nil {
		return Contact{}, err
	}
	if len(found) == 0 {
		return Contact{}, ErrNotFound
	}
	return found[0], nil
}

// Update changes a contact. A patch that changes nothing writes nothing and
// answers the contact as it is. A trashed contact must be restored first.
func (s *ContactService) Update(ctx context.Context, actor Actor, id ID, p ContactPatch) (Contact, error) {
	n, err := s.core.authorizedNormalizer(ctx, actor)
	if err != nil {
		return Contact{}, fmt.Errorf("update contact %s: %w", id, err)
	}
	return s.change(ctx, actor, id, p.Version, "update", func(set *changeSet, before Contact) (Contact, error) {
		if before.InTrash() {
			return Contact{}, trashedError(id)
		}
		in := p.apply(before)
		if p.Websites == nil { // What was stored under laxer rules is nobody's mistake now.
			in.Websites = nil
		}
		after, err := n.contact(in)
		if err != nil {
			return Contact{}, err
		}
		after = keepDerived(after, before)
		if p.Websites == nil {
			after.Websites = before.Websites
		}
		if p.Phones == nil { // The workspace's region may be another one by now.
			after.Phones = before.Phones
		}
		if len(changedFields(&before, &after)) == 0 {
			return before, nil
		}
		return set.update(EventContactUpdated, before, after), nil
	})
}

func (k *core) authorizedNormalizer(ctx context.Context, actor Actor) (normalizer, error) {
	if err := actor.Authorize(PermContactsWrite); err != nil {
		return normalizer{}, err
	}
	w, err := k.workspaces.settings(ctx, actor.Workspace)
	return normalizer{phones: k.phones, region: w.Region}, err
}

func trashedError(id ID) error {
	return &ConflictError{Reason: ConflictState, ID: id, Message: "the contact is in the trash; restore it first"}
}

// keepDerived carries over what no input sets.
func keepDerived(after, before Contact) Contact {
	after.ID, after.CreatedAt, after.UpdatedAt, after.DeletedAt = before.ID, before.CreatedAt, before.UpdatedAt, before.DeletedAt
	after.Score, after.LastInteractionAt = before.Score, before.LastInteractionAt
	after.Version, after.PeakVersion = before.Version, before.PeakVersion
	return after
}

// change loads a contact, checks the version, and writes what decide adds to
// the set.
func (s *ContactService) change(ctx context.Context, actor Actor, id ID, version int64, verb string, decide func(*changeSet, Contact) (Contact, error)) (Contact, error) {
	var after Contact
	err := s.core.inTx(ctx, actor.Workspace, func(tx Tx) error {
		before, err := getContact(ctx, tx, actor.Workspace, id)
		if err != nil {
			return err
		}
		if version != 0 && version != before.Version {
			return staleError(id, before.Version)
		}
		set := s.core.newChangeSet(actor, ID{})
		if after, err = decide(set, before); err != nil {
			return err
		}
		return set.write(ctx, tx, actor.Workspace)
	})
	if err != nil {
		return Contact{}, fmt.Errorf("%s contact %s: %w", verb, id, err)
	}
	return after, nil
}

// Delete moves a contact to the trash, from where it can be restored for 30
// days. One that is there already stays as it is. version 0 means any.
func (s *ContactService) Delete(ctx context.Context, actor Actor, id ID, version int64) (Contact, error) {
	if err := actor.Authorize(PermContactsWrite); err != nil {
		return Contact{}, fmt.Errorf("delete contact: %w", err)
	}
	return s.change(ctx, actor, id, version, "delete", func(set *changeSet, before Contact) (Contact, error) {
		return trash(set, before), nil
	})
}

func trash(set *changeSet, before Contact) Contact {
	if before.InTrash() {
		return before
	}
	after := before
	after.DeletedAt = set.at
	return set.update(EventContactDeleted, before, after)
}

// Restore brings a contact back from the trash. A live one stays as it is.
func (s *ContactService) Restore(ctx context.Context, actor Actor, id ID, version int64) (Contact, error) {
	if err := actor.Authorize(PermContactsWrite); err != nil {
		return Contact{}, fmt.Errorf("restore contact: %w", err)
	}
	return s.change(ctx, actor, id, version, "restore", func(set *changeSet, before Contact) (Contact, error) {
		return untrash(set, before), nil
	})
}

func untrash(set *changeSet, before Contact) Contact {
	if !before.InTrash() {
		return before
	}
	after := before
	after.DeletedAt = time.Time{}
	return set.update(EventContactRestored, before, after)
}

// Erase removes a contact for good, live or trashed, with its images, its
// interactions, the fingerprints of its import and the files of imports that name
// it and are not committed; a file name of an import that holds a part of its
// name, an address or a number becomes a neutral one. An interaction that other
// contacts took part in stays in their timelines without the person and without
// its text. Admins may. It cannot be undone. version 0 means
// any.
func (s *ContactService) Erase(ctx context.Context, actor Actor, id ID, version int64) error {
	if err := actor.Authorize(PermContactsErase); err != nil {
		return fmt.Errorf("erase contact: %w", err)
	}
	if err := s.forgetFiles(ctx, actor, id, version); err != nil {
		return fmt.Errorf("erase contact %s: %w", id, err)
	}
	_, err := s.change(ctx, actor, id, version, "erase", func(set *changeSet, before Contact) (Contact, error) {
		set.forget(before)
		return before, nil
	})
	return err
}

// forgetFiles removes the files of imports that name a contact which is about to
// be erased. Before, so that a crash leaves a person whose erase can be asked for
// again. What refuses the erase is found by that.
func (s *ContactService) forgetFiles(ctx context.Context, actor Actor, id ID, version int64) error {
	c, err := getContact(ctx, s.core.store, actor.Workspace, id)
	if errors.Is(err, ErrNotFound) || err == nil && version != 0 && version != c.Version {
		return nil
	}
	if err != nil {
		return err
	}
	return s.core.dropFilesNaming(ctx, actor.Workspace, []Contact{c})
}

// BatchMode says what a batch does with contacts that exist already.
type BatchMode string

// The modes of a batch.
const (
	BatchCreate BatchMode = "create"
	BatchUpsert BatchMode = "upsert"
)

// BatchInput is the input of [ContactService.Batch].
type BatchInput struct {
	// Mode: create never matches; upsert updates the contact that the matching
	// rule finds. Default create.
	Mode BatchMode
	// Contacts, 1 to 1,000.
	Contacts []NewContact
}

// BatchResult is what became of one contact of a batch.
type BatchResult struct {
	Outcome RowOutcome
	// Contact is set unless the outcome is ambiguous or problem.
	Contact *Contact
	// Candidates are who an ambiguous contact could be.
	Candidates []ID
	// Err says why the outcome is problem.
	Err error
}

// Batch creates or upserts many contacts in one transaction, in their order. A
// contact that breaks a rule, or is ambiguous, is reported and does not stop
// the others.
func (s *ContactService) Batch(ctx context.Context, actor Actor, in BatchInput) ([]BatchResult, error) {
	if err := actor.Authorize(PermContactsWrite); err != nil {
		return nil, fmt.Errorf("batch: %w", err)
	}
	if err := checkBatch(in); err != nil {
		return nil, fmt.Errorf("batch: %w", err)
	}
	n, err := s.core.normalizer(ctx, actor.Workspace)
	if err != nil {
		return nil, fmt.Errorf("batch: %w", err)
	}
	contacts := make([]*incomingContact, len(in.Contacts))
	broken := make([]error, len(in.Contacts))
	for i := range in.Contacts {
		c, err := n.contact(in.Contacts[i])
		contacts[i], broken[i] = &incomingContact{Contact: c, Unnamed: in.Contacts[i].unnamed()}, err
	}
	var results []BatchResult
	err = s.core.inTx(ctx, actor.Workspace, func(tx Tx) error {
		var err error
		results, err = s.writeBatch(ctx, tx, actor, in.Mode, contacts, broken)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("batch: %w", err)
	}
	return results, nil
}

func checkBatch(in BatchInput) error {
	if in.Mode != "" && in.Mode != BatchCreate && in.Mode != BatchUpsert {
		return Invalid("mode", CodeUnknown, "must be create or upsert")
	}
	if len(in.Contacts) == 0 || len(in.Contacts) > MaxBatch {
		return Invalid("contacts", CodeInvalid, "must have 1 to 1000 contacts")
	}
	return nil
}

func (s *ContactService) writeBatch(ctx context.Context, tx Tx, actor Actor, mode BatchMode, contacts []*incomingContact, broken []error) ([]BatchResult, error) {
	var good []*derived
	for i, c := range contacts {
		if broken[i] == nil {
			good = append(good, c.derive())
		}
	}
	m, err := newMatcher(ctx, tx, actor.Workspace, good)
	if err != nil {
		return nil, err
	}
	work := newMergeSet(s.core.newChangeSet(actor, ID{}), m)
	policy := DuplicateUpdate
	if mode != BatchUpsert {
		policy = DuplicateCreate
	}
	results := make([]BatchResult, len(contacts))
	for i, c := range contacts {
		if broken[i] != nil {
			results[i] = BatchResult{Outcome: RowProblem, Err: broken[i]}
			continue
		}
		results[i] = work.put(*c, policy)
	}
	return results, work.write(ctx, tx, actor.Workspace)
}

// incomingContact is a valid contact that may be one that exists.
type incomingContact struct {
	Contact
	// Unnamed says that the display name was made from the company, an email
	// or a phone: it replaces no name.
	Unnamed bool
	// made is what derive made.
	made *derived
}

// derive returns what a store needs beside the contact, made once.
func (c *incomingContact) derive() *derived {
	if c.made == nil {
		c.made = derive(c.Contact)
	}
	return c.made
}

// mergeSet decides, contact by contact, what incoming ones become, and sees
// its own earlier decisions. A contact that several incoming ones change is
// written once.
type mergeSet struct {
	set     *changeSet
	matcher *matcher
	// at is the place in set.changes of the contacts written so far.
	at map[ID]int
}

func newMergeSet(set *changeSet, m *matcher) *mergeSet {
	return &mergeSet{set: set, matcher: m, at: map[ID]int{}}
}

// put applies the matching rule and the policy to one valid contact.
func (w *mergeSet) put(in incomingContact, policy OnDuplicate) BatchResult {
	if policy == DuplicateCreate {
		return w.create(in)
	}
	found := w.matcher.find(&in.Contact, in.derive())
	switch {
	case found.ambiguous():
		return BatchResult{Outcome: RowAmbiguous, Candidates: found.candidates}
	case found.contact == nil:
		return w.create(in)
	}
	return w.update(*found.contact, in, policy)
}

func (w *mergeSet) create(in incomingContact) BatchResult {
	if in.SourceID != "" {
		if holders := w.matcher.holders[SourceKey(in.Source, in.SourceID)]; len(holders) > 0 {
			return BatchResult{Outcome: RowProblem, Err: &ConflictError{
				Reason: ConflictExists, ID: holders[0], Message: "another contact has this source and sourceId",
			}}
		}
	}
	c := w.set.create(in.Contact)
	w.at[c.ID] = len(w.set.changes) - 1
	w.set.changes[w.at[c.ID]].derived = in.derive()
	w.matcher.wrote(c, in.derive())
	return BatchResult{Outcome: RowCreated, Contact: &c}
}

// update merges into a contact that exists.
func (w *mergeSet) update(existing Contact, in incomingContact, policy OnDuplicate) BatchResult {
	if policy == DuplicateSkip || existing.InTrash() {
		return BatchResult{Outcome: RowUnchanged, Contact: &existing}
	}
	if in.Unnamed {
		in.DisplayName = ""
	}
	merged := mergeInto(existing, in.Contact)
	if err := checkLists(merged); err != nil {
		return BatchResult{Outcome: RowProblem, Err: err}
	}
	if len(changedFields(&existing, &merged)) == 0 {
		return BatchResult{Outcome: RowUnchanged, Contact: &existing}
	}
	if i, ok := w.at[existing.ID]; ok { // Written in this set already: the same write takes it along.
		merged.UpdatedAt, merged.Version, merged.PeakVersion = existing.UpdatedAt, existing.Version, existing.PeakVersion
		w.set.changes[i].after = &merged
		w.set.changes[i].derived = derive(merged)
	} else {
		merged = w.set.update(EventContactUpdated, existing, merged)
		w.at[merged.ID] = len(w.set.changes) - 1
		w.set.changes[w.at[merged.ID]].derived = derive(merged)
	}
	w.matcher.wrote(merged, w.set.changes[w.at[merged.ID]].derived)
	return BatchResult{Outcome: RowUpdated, Contact: &merged}
}

func (w *mergeSet) write(ctx context.Context, tx contactTx, ws WorkspaceID) error {
	return w.set.write(ctx, tx, ws)
}

// checkLists applies the limits that uniting lists can break.
func checkLists(c Contact) error {
	var p problems
	p.count("emails", len(c.Emails), MaxListed)
	p.count("phones", len(c.Phones), MaxListed)
	p.count("addresses", len(c.Addresses), MaxListed)
	p.count("websites", len(c.Websites), MaxListed)
	p.count("tags", len(c.Tags), MaxTags)
	p.count("fields", len(c.Fields), MaxFields)
	return p.err()
}

// TagService reads the tags of a workspace.
type TagService struct {
	core *core
}

// List returns the tags that live contacts carry, by folded name, with the
// number of those contacts.
func (s *TagService) List(ctx context.Context, actor Actor) ([]Tag, error) {
	if err := actor.Authorize(PermContactsRead); err != nil {
		return nil, fmt.Errorf("list tags: %w", err)
	}
	tags, err := s.core.store.ListTags(ctx, actor.Workspace)
	if err != nil {
		return nil, fmt.Errorf("list tags: %w", err)
	}
	return tags, nil
}

// asConflict returns the conflict in err, or nil.
func asConflict(err error) *ConflictError {
	if c, ok := errors.AsType[*ConflictError](err); ok {
		return c
	}
	return nil
}
