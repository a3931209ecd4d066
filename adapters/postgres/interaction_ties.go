package postgres

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/lib/pq"

	"github.com/omnicrm/omnicrm/crm"
)

// ties are what interactions have in other tables. Only those that a change
// moves are written: whoever waits for an interaction finds the others in place.
type ties struct {
	links     map[linkRow]bool
	strangers map[strangerRow]bool
}

type linkRow struct {
	contact     crm.ID
	at          int64
	interaction crm.ID
	kind        crm.InteractionType
	direction   crm.Direction
}

type strangerRow struct {
	key         crm.ContactKey
	interaction crm.ID
}

func (t ties) add(w crm.InteractionWrite) {
	i := w.Interaction
	for _, contact := range w.Contacts {
		t.links[linkRow{contact, crm.Micros(i.OccurredAt), i.ID, i.Type, i.Direction}] = true
	}
	for _, key := range w.Strangers {
		t.strangers[strangerRow{key, i.ID}] = true
	}
}

func newTies() ties { return ties{links: map[linkRow]bool{}, strangers: map[strangerRow]bool{}} }

func tiesOf(writes []crm.InteractionWrite) ties {
	all := newTies()
	for _, w := range writes {
		all.add(w)
	}
	return all
}

func tiesOfStored(old map[crm.ID]crm.Interaction) ties {
	all := newTies()
	for _, i := range old {
		all.add(crm.NewInteractionWrite(i, 0))
	}
	return all
}

// without takes out what another has.
func (t ties) without(other ties) ties {
	maps.DeleteFunc(t.links, func(l linkRow, _ bool) bool { return other.links[l] })
	maps.DeleteFunc(t.strangers, func(s strangerRow, _ bool) bool { return other.strangers[s] })
	return t
}

// goneTies are those that the stored rows have and the writes have not.
func goneTies(old map[crm.ID]crm.Interaction, writes []crm.InteractionWrite) ties {
	return tiesOfStored(old).without(tiesOf(writes))
}

// freshTies are those that the writes have and the stored rows have not.
func freshTies(old map[crm.ID]crm.Interaction, writes []crm.InteractionWrite) ties {
	return tiesOf(writes).without(tiesOfStored(old))
}

// sorted returns both in the order of their tables, where neighbours share pages.
func (t ties) sorted() ([]linkRow, []strangerRow) {
	links := slices.SortedFunc(maps.Keys(t.links), func(a, b linkRow) int {
		return cmp.Or(bytes.Compare(a.contact[:], b.contact[:]), cmp.Compare(a.at, b.at), bytes.Compare(a.interaction[:], b.interaction[:]))
	})
	strangers := slices.SortedFunc(maps.Keys(t.strangers), func(a, b strangerRow) int {
		return cmp.Or(cmp.Compare(a.key.Kind, b.key.Kind), cmp.Compare(a.key.Value, b.key.Value), bytes.Compare(a.interaction[:], b.interaction[:]))
	})
	return links, strangers
}

const (
	removeLinks = `DELETE FROM crm.interaction_links l
		USING unnest(CAST(? AS uuid[]), CAST(? AS bigint[]), CAST(? AS uuid[])) AS gone (contact, occurred_at, interaction)
		WHERE l.workspace = ? AND l.contact = gone.contact AND l.occurred_at = gone.occurred_at AND l.interaction = gone.interaction`
	removeStrangers = `DELETE FROM crm.interaction_strangers s
		USING unnest(CAST(? AS smallint[]), CAST(? AS bytea[]), CAST(? AS uuid[])) AS gone (kind, value, interaction)
		WHERE s.workspace = ? AND s.kind = gone.kind AND s.value = gone.value AND s.interaction = gone.interaction`
)

// removeTies deletes rows whose interactions are locked.
func (t *tx) removeTies(ctx context.Context, ws crm.WorkspaceID, gone ties) error {
	links, strangers := gone.sorted()
	if n := len(links); n > 0 {
		contacts, times, interactions := make([]crm.ID, n), make(pq.Int64Array, n), make([]crm.ID, n)
		for i, l := range links {
			contacts[i], times[i], interactions[i] = l.contact, l.at, l.interaction
		}
		if _, err := t.exec(ctx, fixed(removeLinks), uuidsOf(contacts), times, uuidsOf(interactions), uuidOf(ws)); err != nil {
			return err
		}
	}
	n := len(strangers)
	if n == 0 {
		return nil
	}
	kinds, values, interactions := make(pq.Int64Array, n), make([]string, n), make([]crm.ID, n)
	for i, s := range strangers {
		kinds[i], values[i], interactions[i] = int64(s.key.Kind), s.key.Value, s.interaction
	}
	_, err := t.exec(ctx, fixed(removeStrangers), kinds, keyValues(values), uuidsOf(interactions), uuidOf(ws))
	return err
}

func (t *tx) insertTies(ctx context.Context, ws crm.WorkspaceID, fresh ties) error {
	links, strangers := fresh.sorted()
	into := bulk{table: "interaction_links", columns: []string{"workspace", "type", "direction", "contact", "occurred_at", "interaction"}}
	err := t.insert(ctx, into, len(links), func(args []any, n int) ([]any, error) {
		l := links[n]
		return append(args, uuidOf(ws), string(l.kind), string(l.direction), uuidOf(l.contact), l.at, uuidOf(l.interaction)), nil
	})
	if err != nil {
		return err
	}
	into = bulk{table: "interaction_strangers", columns: []string{"workspace", "kind", "value", "interaction"}}
	return t.insert(ctx, into, len(strangers), func(args []any, n int) ([]any, error) {
		s := strangers[n]
		return append(args, uuidOf(ws), int64(s.key.Kind), keyValue(s.key.Value), uuidOf(s.interaction)), nil
	})
}
