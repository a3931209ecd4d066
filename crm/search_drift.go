package crm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	// provePage is how many documents one step of a drift check compares.
	provePage = 500
	// proveShare is the part of its time that a check in the background works:
	// one in proveShare, the rest it leaves to others.
	proveShare = 10
	// proveLooks is how often a contact that is being written to is compared
	// again before it is left to the next check.
	proveLooks = 3
	// sharedDelay is how long a service is given to show what it has taken.
	sharedDelay = 3 * time.Second
	// proveTick is how often it is looked whose check is due.
	proveTick = time.Second
)

// SearchProof is what the drift checks of the indexes that are loaded in this
// process found: every document is compared with the contact in the store.
type SearchProof struct {
	// CheckedAt is the time of the oldest of the last checks; zero before the
	// first.
	CheckedAt time.Time
	// Workspaces and Contacts count what the last checks compared.
	Workspaces int
	Contacts   int
	// Wrong is how many contacts the last checks found missing, outdated or
	// too much in their index, Repaired how many of them were loaded again.
	Wrong    int
	Repaired int
}

// indexProof is what one check of one workspace's index found.
type indexProof struct {
	at       time.Time
	contacts int
	wrong    []ID
	repaired int
}

// CheckSearch holds every search index that is loaded in this process against
// the store, now and at full speed, and loads again what is wrong. Searches go
// on meanwhile. While the background work runs the same is done every
// Config.SearchCheck, slowly. It is for operators and asks for no actor.
func (c *CRM) CheckSearch(ctx context.Context) (SearchProof, error) {
	s := c.core.search
	for ws, f := range s.ready() {
		if err := s.proveAndMend(ctx, ws, f, nil); err != nil && !errors.Is(err, errIndexNotReady) {
			return SearchProof{}, fmt.Errorf("check search of workspace %s: %w", ws, err)
		}
	}
	return s.proof(), nil
}

// proof adds up what the last checks found.
func (s *searcher) proof() SearchProof {
	var sum SearchProof
	for _, f := range s.ready() {
		p := f.proof.Load()
		if p == nil {
			continue
		}
		if sum.CheckedAt.IsZero() || p.at.Before(sum.CheckedAt) {
			sum.CheckedAt = p.at
		}
		sum.Workspaces++
		sum.Contacts += p.contacts
		sum.Wrong += len(p.wrong)
		sum.Repaired += p.repaired
	}
	return sum
}

// proveLoop checks each index when its time has come, one after the other,
// until ctx ends.
func (s *searcher) proveLoop(ctx context.Context) {
	if s.proveEvery < 0 {
		return
	}
	tick := time.NewTicker(min(proveTick, s.proveEvery))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for ws, f := range s.ready() {
			if s.core.now().UnixNano() < f.proveAt.Load() {
				continue
			}
			err := s.proveAndMend(ctx, ws, f, leaveRoom)
			if err != nil && ctx.Err() == nil && !errors.Is(err, ErrUnavailable) {
				s.core.log.Warn("search index not checked", "workspace", ws, "error", err)
			}
			f.proveAt.Store(s.core.now().Add(s.proveEvery).UnixNano())
		}
	}
}

// leaveRoom waits many times as long as a step took.
func leaveRoom(ctx context.Context, took time.Duration) error {
	return wait(ctx, (proveShare-1)*took)
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// proveAndMend checks one index and loads again what is wrong in it; pace may
// be nil.
func (s *searcher) proveAndMend(ctx context.Context, ws WorkspaceID, f *feed, pace func(context.Context, time.Duration) error) error {
	p, err := s.prove(ctx, ws, f, pace)
	if err == nil && len(p.wrong) > 0 {
		p.repaired, err = s.mend(ctx, ws, f, p.wrong)
		s.core.log.Warn("search index differed from the store", "workspace", ws, "contacts", len(p.wrong), "repaired", p.repaired)
	}
	if !p.at.IsZero() {
		f.proof.Store(&p)
	}
	return err
}

// prove compares every document of an index with the contact in the store.
func (s *searcher) prove(ctx context.Context, ws WorkspaceID, f *feed, pace func(context.Context, time.Duration) error) (indexProof, error) {
	var p indexProof
	var after ID
	for {
		begin := time.Now()
		step, err := s.compare(ctx, ws, after)
		if err != nil {
			return p, err
		}
		wrong, err := s.confirm(ctx, ws, f, step.suspects)
		if err != nil {
			return p, err
		}
		p.contacts += step.contacts
		p.wrong = append(p.wrong, wrong...)
		if step.end {
			p.at = s.core.now()
			return p, nil
		}
		after = step.last
		if pace != nil {
			if err := pace(ctx, time.Since(begin)); err != nil {
				return p, err
			}
		}
	}
}

// proveStep is one page of a check.
type proveStep struct {
	contacts int
	// suspects are the contacts that differ, with their version in the store.
	suspects map[ID]int64
	last     ID
	end      bool
}

// compare looks at the documents and the contacts behind an id. Both lists are
// followed only as far as the shorter page reaches.
func (s *searcher) compare(ctx context.Context, ws WorkspaceID, after ID) (proveStep, error) {
	var step proveStep
	docs, err := s.index.ListVersions(ctx, ws, after, provePage)
	if err != nil {
		return step, err
	}
	ids, err := s.core.store.ListContactIDs(ctx, ws, ContactCriteria{}, after, provePage)
	if err != nil {
		return step, err
	}
	step.last, step.end = commonReach(docs, ids)
	indexed := map[ID]int64{}
	for _, d := range docs {
		if step.covers(d.Contact) {
			indexed[d.Contact] = d.Version
		}
	}
	for _, id := range ids {
		if _, ok := indexed[id]; !ok && step.covers(id) {
			indexed[id] = 0
		}
	}
	stored, err := s.storedVersions(ctx, ws, indexed)
	if err != nil {
		return step, err
	}
	step.contacts, step.suspects = len(stored), map[ID]int64{}
	for id, version := range indexed {
		if stored[id] != version {
			step.suspects[id] = stored[id]
		}
	}
	return step, nil
}

// commonReach returns the id up to which both pages are whole; end says that
// nothing follows either.
func commonReach(docs []IndexedVersion, ids []ID) (last ID, end bool) {
	whole := func(id ID) {
		if last.IsZero() || compareIDs(id, last) < 0 {
			last = id
		}
	}
	if len(docs) == provePage {
		whole(docs[provePage-1].Contact)
	}
	if len(ids) == provePage {
		whole(ids[provePage-1])
	}
	return last, last.IsZero()
}

func (p proveStep) covers(id ID) bool { return p.end || compareIDs(id, p.last) <= 0 }

// storedVersions returns the versions of those of the contacts that belong
// into the index.
func (s *searcher) storedVersions(ctx context.Context, ws WorkspaceID, of map[ID]int64) (map[ID]int64, error) {
	ids := make([]ID, 0, len(of))
	for id := range of {
		ids = append(ids, id)
	}
	live, err := s.live(ctx, ws, ids)
	return versionsOf(live), err
}

// confirm returns the suspects that are wrong indeed: they differ although the
// index has been brought to where the log was after the store had been read,
// and the store has not changed since.
func (s *searcher) confirm(ctx context.Context, ws WorkspaceID, f *feed, suspects map[ID]int64) ([]ID, error) {
	var wrong []ID
	for look := 0; len(suspects) > 0 && look < proveLooks; look++ {
		f.written.Add(1) // Also what other processes have written.
		if err := s.catchUp(ctx, ws, f); err != nil {
			return nil, err
		}
		if f.shared.Load() {
			if err := wait(ctx, sharedDelay); err != nil {
				return nil, err
			}
		}
		indexed, err := s.indexedVersions(ctx, ws, suspects)
		if err != nil {
			return nil, err
		}
		stored, err := s.storedVersions(ctx, ws, suspects)
		if err != nil {
			return nil, err
		}
		again := map[ID]int64{}
		for id, before := range suspects {
			switch {
			case indexed[id] == stored[id]:
			case stored[id] == before:
				wrong = append(wrong, id)
			default: // Written to meanwhile.
				again[id] = stored[id]
			}
		}
		suspects = again
	}
	if f.dropped.Load() {
		return nil, errIndexNotReady
	}
	slices.SortFunc(wrong, compareIDs)
	return wrong, nil
}

// indexedVersions looks single documents up; those that are not there have no
// version.
func (s *searcher) indexedVersions(ctx context.Context, ws WorkspaceID, of map[ID]int64) (map[ID]int64, error) {
	versions := map[ID]int64{}
	for id := range of {
		page, err := s.index.ListVersions(ctx, ws, before(id), 1)
		if err != nil {
			return nil, err
		}
		if len(page) == 1 && page[0].Contact == id {
			versions[id] = page[0].Version
		}
	}
	return versions, nil
}

// mend loads the contacts again and returns how many are right now. An index
// of this process that is not right even so is loaded anew as a whole.
func (s *searcher) mend(ctx context.Context, ws WorkspaceID, f *feed, wrong []ID) (int, error) {
	stored := map[ID]int64{}
	for page := range slices.Chunk(wrong, feedPage) {
		f.mu.Lock()
		err := s.refresh(ctx, ws, f, page)
		f.mu.Unlock()
		if err != nil {
			return 0, err
		}
		for _, id := range page {
			stored[id] = 0
		}
	}
	now, err := s.storedVersions(ctx, ws, stored)
	if err != nil {
		return 0, err
	}
	for id := range stored {
		stored[id] = now[id]
	}
	left, err := s.confirm(ctx, ws, f, stored)
	if err != nil {
		return 0, err
	}
	if len(left) > 0 && !f.shared.Load() {
		return len(wrong), s.drop(ctx, ws)
	}
	return len(wrong) - len(left), nil
}

// before returns the id that sorts right before one.
func before(id ID) ID {
	for i := len(id) - 1; i >= 0; i-- {
		id[i]--
		if id[i] != 0xff {
			break
		}
	}
	return id
}
