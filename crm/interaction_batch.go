package crm

import (
	"context"
	"fmt"
	"slices"
)

// InteractionResult is what became of one interaction of a batch.
type InteractionResult struct {
	// Outcome is created, unchanged (the workspace has its source and source id
	// already) or problem.
	Outcome RowOutcome
	// Interaction is set unless the outcome is problem; of one that is unchanged
	// it holds the id alone.
	Interaction *Interaction
	// Err says why the outcome is problem.
	Err error
}

// Batch adds up to 1,000 interactions in one transaction, in their order. One
// that breaks a rule is reported and does not stop the others; one that is there
// already, by its source and source id, is left as it is.
func (s *InteractionService) Batch(ctx context.Context, actor Actor, list []NewInteraction) ([]InteractionResult, error) {
	results, err := s.batch(ctx, actor, list)
	if err != nil {
		return nil, fmt.Errorf("batch of interactions: %w", err)
	}
	return results, nil
}

func (s *InteractionService) batch(ctx context.Context, actor Actor, list []NewInteraction) ([]InteractionResult, error) {
	if err := actor.Authorize(PermContactsWrite); err != nil {
		return nil, err
	}
	if len(list) == 0 || len(list) > MaxBatch {
		return nil, Invalid("interactions", CodeInvalid, "must have 1 to 1000 interactions")
	}
	n, err := s.core.normalizer(ctx, actor.Workspace)
	if err != nil {
		return nil, err
	}
	valid := make([]Interaction, len(list))
	broken := make([]error, len(list))
	for i, in := range list {
		valid[i], broken[i] = n.interaction(in, s.core.now())
	}
	var results []InteractionResult
	err = s.core.inTx(ctx, actor.Workspace, func(tx Tx) error {
		var err error
		results, err = s.writeBatch(ctx, tx, actor, list, valid, broken)
		return err
	})
	return results, err
}

func (s *InteractionService) writeBatch(
	ctx context.Context, tx Tx, actor Actor, list []NewInteraction, valid []Interaction, broken []error,
) ([]InteractionResult, error) {
	results := make([]InteractionResult, len(valid))
	fresh := make([]*Interaction, len(valid))
	all := make([]*Interaction, len(valid))
	for n := range valid {
		i := valid[n]
		i.Participants = slices.Clone(i.Participants) // A transaction may run twice.
		all[n] = &i
	}
	present, err := presentContacts(ctx, tx, actor.Workspace, all)
	if err != nil {
		return nil, err
	}
	var refs []SourceRef
	for n, i := range all {
		err := broken[n]
		if err == nil {
			err = checkContacts(list[n].Participants, present)
		}
		if err != nil {
			results[n] = InteractionResult{Outcome: RowProblem, Err: err}
			continue
		}
		fresh[n] = i
		if i.SourceID != "" {
			refs = append(refs, i.ref())
		}
	}
	there, err := tx.FindInteractions(ctx, actor.Workspace, refs)
	if err != nil {
		return nil, fmt.Errorf("find interactions: %w", err)
	}
	if err := linkParticipants(ctx, tx, actor.Workspace, slices.DeleteFunc(slices.Clone(fresh), func(i *Interaction) bool { return i == nil })); err != nil {
		return nil, err
	}
	set := s.core.newInteractionSet(actor, ID{})
	for n, i := range fresh {
		if i == nil {
			continue
		}
		if id, ok := there[i.ref()]; ok {
			results[n] = InteractionResult{Outcome: RowUnchanged, Interaction: &Interaction{ID: id}}
			continue
		}
		made := set.create(*i)
		if made.SourceID != "" {
			there[made.ref()] = made.ID
		}
		results[n] = InteractionResult{Outcome: RowCreated, Interaction: &made}
	}
	return results, set.write(ctx, tx, actor.Workspace)
}
