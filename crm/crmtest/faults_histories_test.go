package crmtest_test

import (
	"context"
	"errors"
	"strings"

	"github.com/omnicrm/omnicrm/crm"
)

// forgetful does not do some of what it is asked, now and then.
type forgetful struct {
	memTx
	fingerprints, refreshes, events bool
}

func (t forgetful) PutFingerprints(ctx context.Context, ws crm.WorkspaceID, marks []crm.FingerprintMark) error {
	if t.fingerprints {
		return nil
	}
	return t.memTx.PutFingerprints(ctx, ws, marks)
}

func (t forgetful) RefreshLastInteractions(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID) error {
	if t.refreshes {
		return nil
	}
	return t.memTx.RefreshLastInteractions(ctx, ws, contacts)
}

func (t forgetful) AppendEvents(ctx context.Context, ws crm.WorkspaceID, events []crm.Event) error {
	if t.events && len(events) > 2 {
		events = events[1:]
	}
	return t.memTx.AppendEvents(ctx, ws, events)
}

// skipping leaves the last contact of a full page out.
type skipping struct{ memTx }

func (t skipping) ListContacts(ctx context.Context, ws crm.WorkspaceID, q crm.ContactQuery) ([]crm.Contact, error) {
	list, err := t.memTx.ListContacts(ctx, ws, q)
	if len(list) > 2 && len(list) == q.Limit {
		list = append(list[:len(list)-2:len(list)-2], list[len(list)-1])
	}
	return list, err
}

// failing fails where one writes alone, or where several write at once.
type failing struct {
	memTx
	together bool
}

var errDisk = errors.New("the disk is full")

func (t failing) PutContacts(ctx context.Context, ws crm.WorkspaceID, writes []crm.ContactWrite) error {
	for _, w := range writes {
		if strings.HasPrefix(w.Contact.Notes, "together") == t.together {
			return errDisk
		}
	}
	return t.memTx.PutContacts(ctx, ws, writes)
}

// historyFaults are of a store that is compared with a correct one.
func historyFaults() []fault {
	forgets := func(f forgetful) func() crm.Store {
		return breakTx(func(t memTx) crm.Tx { f.memTx = t; return f })
	}
	return []fault{
		{name: "history: notes are cut", red: "seeds", twin: damage(func(c *crm.Contact) { c.Notes = c.Notes[:min(len(c.Notes), 6)] })},
		{name: "history: a stage is lost", red: "seeds", twin: damage(func(c *crm.Contact) {
			if c.Version > 2 {
				c.Stage = crm.StageNone
			}
		})},
		{name: "history: fingerprints are forgotten", red: "seeds", twin: forgets(forgetful{fingerprints: true})},
		{name: "history: last interactions stay as they were", red: "seeds", twin: forgets(forgetful{refreshes: true})},
		{name: "history: an event of a batch is lost", red: "seeds", twin: forgets(forgetful{events: true})},
		{name: "history: a page skips a contact", red: "seeds", twin: breakTx(func(t memTx) crm.Tx { return skipping{t} })},
		{name: "history: both sides fail alike", red: "seeds", twin: breakTx(func(t memTx) crm.Tx { return failing{memTx: t} }), alike: true},
		{name: "history: both sides' writers at once fail alike", red: "seeds", twin: breakTx(func(t memTx) crm.Tx { return failing{t, true} }), alike: true},
	}
}
