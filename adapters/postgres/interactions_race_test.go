package postgres_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/omnicrm/omnicrm/adapters/postgres"
	"github.com/omnicrm/omnicrm/crm"
)

// Who takes a contact out of its history gets each interaction as it is, though
// others change it and its links at the same moment, and misses none.
func TestListedInteractionsStay(t *testing.T) {
	t.Parallel()
	s := open(t, postgres.Options{MaxConns: 12})
	ws, ctx := crm.WorkspaceID{1}, t.Context()
	gone, other := crm.ID{100}, crm.ID{101}
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	ids := make([]crm.ID, 12)
	var writes []crm.InteractionWrite
	for n := range ids {
		ids[n] = crm.ID{1, byte(n)}
		writes = append(writes, crm.NewInteractionWrite(crm.Interaction{
			ID: ids[n], Type: crm.InteractionNote, OccurredAt: at.Add(time.Duration(n) * time.Hour), CreatedAt: at, UpdatedAt: at, Version: 1, Source: "manual",
			Participants: []crm.Participant{{Role: crm.RoleParticipant, Contact: gone}, {Role: crm.RoleParticipant, Contact: other}},
		}, 0))
	}
	if err := s.PutInteractions(ctx, ws, writes); err != nil {
		t.Fatal(err)
	}
	done, moving := make(chan struct{}), sync.WaitGroup{}
	for worker := range 3 {
		moving.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				err := s.InTx(ctx, func(tx crm.Tx) error {
					return changeHistory(t, tx, ws, []crm.ID{ids[(n+worker)%len(ids)], ids[(n*5+worker)%len(ids)]}, func(i *crm.Interaction) {
						i.OccurredAt = i.OccurredAt.Add(time.Duration(n%7-3) * 30 * time.Minute)
					})
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	err := s.InTx(ctx, func(tx crm.Tx) error {
		for {
			page, err := tx.ListInteractions(ctx, ws, crm.InteractionQuery{Contact: gone, Limit: 5})
			if err != nil || len(page) == 0 {
				return err
			}
			if err := putHistory(t, tx, ws, page, func(i *crm.Interaction) {
				i.Participants = slices.DeleteFunc(slices.Clone(i.Participants), func(p crm.Participant) bool { return p.Contact == gone })
			}); err != nil {
				return err
			}
		}
	})
	close(done)
	moving.Wait()
	if err != nil {
		t.Fatal(err)
	}
	for contact, want := range map[crm.ID]int{gone: 0, other: len(ids)} {
		list, err := s.ListInteractions(ctx, ws, crm.InteractionQuery{Contact: contact, Limit: 100})
		if err != nil || len(list) != want {
			t.Errorf("interactions of %s: got %d, %v, want %d", contact, len(list), err, want)
		}
		for _, i := range list {
			if len(i.Participants) != 1 {
				t.Errorf("interaction %s: got participants %v, want one", i.ID, i.Participants)
			}
		}
	}
}

func changeHistory(t *testing.T, tx crm.Tx, ws crm.WorkspaceID, ids []crm.ID, do func(*crm.Interaction)) error {
	found, err := tx.GetInteractions(t.Context(), ws, ids)
	if err != nil {
		return err
	}
	return putHistory(t, tx, ws, found, do)
}

func putHistory(t *testing.T, tx crm.Tx, ws crm.WorkspaceID, list []crm.Interaction, do func(*crm.Interaction)) error {
	writes := make([]crm.InteractionWrite, len(list))
	for n, i := range list {
		do(&i)
		i.Version++
		writes[n] = crm.NewInteractionWrite(i, i.Version-1)
	}
	return tx.PutInteractions(t.Context(), ws, writes)
}
