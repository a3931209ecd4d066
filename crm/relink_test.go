package crm_test

import (
	"context"
	"testing"

	"github.com/omnicrm/omnicrm/crm"
)

func TestOlderInteractionsAreLinked(t *testing.T) {
	t.Parallel()
	e := setupLive(t)
	ctx := context.Background()
	mail, err := e.Interactions.Create(ctx, e.owner, crm.NewInteraction{
		Type: crm.InteractionEmail, OccurredAt: past(1), Participants: []crm.NewParticipant{
			{Role: crm.RoleFrom, Address: "ana@example.com"},
			{Role: crm.RoleTo, Address: "+1 202-555-0123", Name: "Bo"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	linked := func(n int, id crm.ID) func() bool {
		return func() bool {
			i, err := e.Interactions.Get(ctx, e.owner, mail.ID)
			return err == nil && i.Participants[n].Contact == id
		}
	}
	ana := e.create(crm.NewContact{DisplayName: "Ana", Emails: []crm.Email{{Address: "Ana@Example.com"}}})
	await(t, "the link to a new contact", linked(0, ana.ID))
	bo := e.create(crm.NewContact{DisplayName: "Somebody", Phones: []crm.Phone{{Number: "(202) 555-0123"}}})
	name := "bo"
	if _, err := e.Contacts.Update(ctx, e.owner, bo.ID, crm.ContactPatch{DisplayName: &name}); err != nil {
		t.Fatal(err)
	}
	await(t, "the link to who gained the name", linked(1, bo.ID))
	for _, c := range []crm.Contact{ana, bo} {
		if got := e.get(c.ID).LastInteractionAt; !got.Equal(past(1)) {
			t.Errorf("%s: got last interaction %s, want %s", c.DisplayName, got, past(1))
		}
	}
}

func TestAmbiguousStrangersStayStrangers(t *testing.T) {
	t.Parallel()
	e := setupLive(t)
	ctx := context.Background()
	create := func(address string) crm.Interaction {
		i, err := e.Interactions.Create(ctx, e.owner, crm.NewInteraction{
			Type: crm.InteractionEmail, OccurredAt: past(1), Participants: []crm.NewParticipant{{Address: address}},
		})
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	shared, own := create("office@example.com"), create("cy@example.com")
	_, err := e.Contacts.Batch(ctx, e.owner, crm.BatchInput{Contacts: []crm.NewContact{
		{DisplayName: "A", Emails: []crm.Email{{Address: "office@example.com"}}},
		{DisplayName: "B", Emails: []crm.Email{{Address: "office@example.com"}}},
		{DisplayName: "C", Emails: []crm.Email{{Address: "cy@example.com"}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	get := func(id crm.ID) crm.Interaction {
		i, err := e.Interactions.Get(ctx, e.owner, id)
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	await(t, "the link to the only one", func() bool { return !get(own.ID).Participants[0].Contact.IsZero() })
	if got := get(shared.ID); !got.Participants[0].Contact.IsZero() || got.Version != 1 {
		t.Errorf("an address of two: got %+v", got)
	}
}

func TestLinksAreNoEdits(t *testing.T) {
	t.Parallel()
	e := setupLive(t)
	i := e.run(crm.ImportOptions{}, callLine)
	nobody := e.create(crm.NewContact{DisplayName: "Nobody", Emails: []crm.Email{{Address: "nobody@example.com"}}})
	await(t, "the link", func() bool { return len(e.timeline(nobody.ID)) == 1 })
	if got := e.undo(i.ID); got.Kept != 0 || len(e.timeline(nobody.ID)) != 0 {
		t.Errorf("undo: kept %d, left %d", got.Kept, len(e.timeline(nobody.ID)))
	}
}
