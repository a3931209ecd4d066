package crm

import (
	"context"
	"fmt"
	"slices"
)

// InteractionService keeps the history with each contact. Reading and writing
// it takes what reading and writing contacts takes.
type InteractionService struct {
	core *core
}

// Create adds an interaction. Participants are linked to contacts by their
// addresses; nobody need be known: whoever gains the address later is linked
// then. An interaction with the same source and source id is a *ConflictError
// with its id. Broken rules, and contacts of the input that are not of the
// workspace, are a *ValidationError.
func (s *InteractionService) Create(ctx context.Context, actor Actor, in NewInteraction) (Interaction, error) {
	i, err := s.create(ctx, actor, in, func(Tx, *Interaction) error { return nil })
	if err != nil {
		return Interaction{}, fmt.Errorf("create interaction: %w", err)
	}
	return i, nil
}

// CreateWith is Create for an interaction with a contact: it takes part, as who
// was written to, or who wrote, unless the input has it already. A contact in the
// trash must be restored first.
func (s *InteractionService) CreateWith(ctx context.Context, actor Actor, contact ID, in NewInteraction) (Interaction, error) {
	i, err := s.create(ctx, actor, in, func(tx Tx, i *Interaction) error {
		c, err := getContact(ctx, tx, actor.Workspace, contact)
		if err != nil {
			return err
		}
		if c.InTrash() {
			return trashedError(contact)
		}
		return i.addContact(c)
	})
	if err != nil {
		return Interaction{}, fmt.Errorf("create interaction with contact %s: %w", contact, err)
	}
	return i, nil
}

// addContact makes a contact take part.
func (i *Interaction) addContact(c Contact) error {
	if slices.Contains(i.Contacts(), c.ID) {
		return nil
	}
	if len(i.Participants) >= MaxParticipants {
		var p problems
		p.count("participants", len(i.Participants)+1, MaxParticipants)
		return p.err()
	}
	role := RoleParticipant
	switch i.Direction {
	case DirectionInbound:
		role = RoleFrom
	case DirectionOutbound:
		role = RoleTo
	case DirectionInternal:
	}
	i.Participants = append(i.Participants, Participant{Role: role, Name: c.DisplayName, Contact: c.ID})
	return nil
}

func (s *InteractionService) create(ctx context.Context, actor Actor, in NewInteraction, with func(Tx, *Interaction) error) (Interaction, error) {
	if err := actor.Authorize(PermContactsWrite); err != nil {
		return Interaction{}, err
	}
	n, err := s.core.normalizer(ctx, actor.Workspace)
	if err != nil {
		return Interaction{}, err
	}
	valid, err := n.interaction(in, s.core.now())
	if err != nil {
		return Interaction{}, err
	}
	var made Interaction
	err = s.core.inTx(ctx, actor.Workspace, func(tx Tx) error {
		i := valid
		i.Participants = slices.Clone(valid.Participants) // The function may run again.
		if err := s.link(ctx, tx, actor.Workspace, &i, in.Participants); err != nil {
			return err
		}
		if err := with(tx, &i); err != nil {
			return err
		}
		set := s.core.newInteractionSet(actor, ID{})
		made = set.create(i)
		return set.write(ctx, tx, actor.Workspace)
	})
	return made, err
}

// link checks the contacts that the input names and finds those of the others.
func (s *InteractionService) link(ctx context.Context, tx matchTx, ws WorkspaceID, i *Interaction, named []NewParticipant) error {
	there, err := presentContacts(ctx, tx, ws, []*Interaction{i})
	if err != nil {
		return err
	}
	if err := checkContacts(named, there); err != nil {
		return err
	}
	return linkParticipants(ctx, tx, ws, []*Interaction{i})
}

// presentContacts returns those of the contacts that interactions name which the
// workspace has.
func presentContacts(ctx context.Context, tx matchTx, ws WorkspaceID, list []*Interaction) (map[ID]bool, error) {
	var ids []ID
	for _, i := range list {
		ids = append(ids, i.Contacts()...)
	}
	slices.SortFunc(ids, compareIDs)
	there := map[ID]bool{}
	for part := range slices.Chunk(slices.Compact(ids), MaxBatch) {
		found, err := tx.GetContacts(ctx, ws, part)
		if err != nil {
			return nil, fmt.Errorf("get contacts: %w", err)
		}
		for _, c := range found {
			there[c.ID] = true
		}
	}
	return there, nil
}

// checkContacts refuses contacts that the workspace does not have.
func checkContacts(named []NewParticipant, there map[ID]bool) error {
	var p problems
	for n, in := range named {
		if !in.Contact.IsZero() && !there[in.Contact] {
			p.add(fmt.Sprintf("participants[%d].contactId", n), CodeUnknown, "must be a contact of this workspace")
		}
	}
	return p.err()
}

// Get returns an interaction.
func (s *InteractionService) Get(ctx context.Context, actor Actor, id ID) (Interaction, error) {
	if err := actor.Authorize(PermContactsRead); err != nil {
		return Interaction{}, fmt.Errorf("get interaction: %w", err)
	}
	i, err := getInteraction(ctx, s.core.store, actor.Workspace, id)
	if err != nil {
		return Interaction{}, fmt.Errorf("get interaction %s: %w", id, err)
	}
	return i, nil
}

func getInteraction(ctx context.Context, tx InteractionReader, ws WorkspaceID, id ID) (Interaction, error) {
	found, err := tx.GetInteractions(ctx, ws, []ID{id})
	if err != nil {
		return Interaction{}, err
	}
	if len(found) == 0 {
		return Interaction{}, ErrNotFound
	}
	return found[0], nil
}

// Update changes an interaction. A patch that changes nothing writes nothing
// and answers the interaction as it is. One that would take the last contact out
// of it is a *ValidationError of field "participants".
func (s *InteractionService) Update(ctx context.Context, actor Actor, id ID, p InteractionPatch) (Interaction, error) {
	n, err := s.core.authorizedNormalizer(ctx, actor)
	if err != nil {
		return Interaction{}, fmt.Errorf("update interaction %s: %w", id, err)
	}
	return s.change(ctx, actor, id, p.Version, "update", func(tx Tx, set *interactionSet, before Interaction) (Interaction, error) {
		in := p.apply(before)
		after, err := n.interaction(in, s.core.now())
		if err != nil {
			return Interaction{}, err
		}
		if p.Participants == nil { // The workspace's region may be another one by now.
			after.Participants = before.Participants
		} else if err := s.link(ctx, tx, actor.Workspace, &after, in.Participants); err != nil {
			return Interaction{}, err
		}
		if err := staysWithSomebody(before, after); err != nil {
			return Interaction{}, err
		}
		after.Batch = before.Batch
		if len(changedInteraction(before, after)) == 0 {
			return before, nil
		}
		return set.update(before, after), nil
	})
}

// staysWithSomebody refuses to take the last contact out of an interaction: it
// would be in nobody's timeline, and the erase of the person, which goes by
// that, would not find what it says.
func staysWithSomebody(before, after Interaction) error {
	if len(before.Contacts()) == 0 || len(after.Contacts()) > 0 {
		return nil
	}
	return Invalid("participants", CodeInvalid,
		"must keep at least one who is a contact, or the interaction would belong to nobody; delete it instead")
}

// Delete removes an interaction for good. version 0 means any.
func (s *InteractionService) Delete(ctx context.Context, actor Actor, id ID, version int64) error {
	if err := actor.Authorize(PermContactsWrite); err != nil {
		return fmt.Errorf("delete interaction: %w", err)
	}
	_, err := s.change(ctx, actor, id, version, "delete", func(_ Tx, set *interactionSet, before Interaction) (Interaction, error) {
		set.remove(before)
		return before, nil
	})
	return err
}

func (s *InteractionService) change(
	ctx context.Context, actor Actor, id ID, version int64, verb string, decide func(Tx, *interactionSet, Interaction) (Interaction, error),
) (Interaction, error) {
	var after Interaction
	err := s.core.inTx(ctx, actor.Workspace, func(tx Tx) error {
		before, err := getInteraction(ctx, tx, actor.Workspace, id)
		if err != nil {
			return err
		}
		if version != 0 && version != before.Version {
			return staleError(id, before.Version)
		}
		set := s.core.newInteractionSet(actor, ID{})
		if after, err = decide(tx, set, before); err != nil {
			return err
		}
		return set.write(ctx, tx, actor.Workspace)
	})
	if err != nil {
		return Interaction{}, fmt.Errorf("%s interaction %s: %w", verb, id, err)
	}
	return after, nil
}
