package meilisearch

import (
	"context"
	"fmt"

	meili "github.com/meilisearch/meilisearch-go"

	"github.com/omnicrm/omnicrm/crm"
)

// MatchContacts implements [crm.SearchIndex].
func (x *Index) MatchContacts(ctx context.Context, ws crm.WorkspaceID, q crm.SearchQuery, after crm.ID, limit int) ([]crm.ID, error) {
	if q.Where.Trash {
		return nil, nil
	}
	if err := x.prepare(ctx); err != nil {
		return nil, fmt.Errorf("match contacts: %w", err)
	}
	filter := conditions(ws, q)
	if !q.MatchAll {
		words, err := x.read(ctx, ws, q.Text)
		if err != nil {
			return nil, fmt.Errorf("match contacts: %w", err)
		}
		if len(words.plan.Parts) == 0 {
			return nil, nil
		}
		filter = and(filter, words.filter())
	}
	var ids []crm.ID
	err := x.inOrderOfIDs(ctx, filter, after, limit, func(id crm.ID, _ *hit) { ids = append(ids, id) })
	if err != nil {
		return nil, fmt.Errorf("match contacts: %w", err)
	}
	return ids, nil
}

// ListVersions implements [crm.SearchIndex].
func (x *Index) ListVersions(ctx context.Context, ws crm.WorkspaceID, after crm.ID, limit int) ([]crm.IndexedVersion, error) {
	if err := x.prepare(ctx); err != nil {
		return nil, fmt.Errorf("list versions: %w", err)
	}
	var out []crm.IndexedVersion
	err := x.inOrderOfIDs(ctx, ofWorkspace(ws), after, limit, func(id crm.ID, h *hit) {
		out = append(out, crm.IndexedVersion{Contact: id, Version: h.Version})
	})
	if err != nil {
		return nil, fmt.Errorf("list versions: %w", err)
	}
	return out, nil
}

// inOrderOfIDs visits up to limit documents behind an id. Each request goes on
// behind the last one's end, so that the server's window does not matter.
func (x *Index) inOrderOfIDs(ctx context.Context, filter string, after crm.ID, limit int, visit func(crm.ID, *hit)) error {
	for limit > 0 {
		page := min(limit, crm.MaxSearchWindow)
		behind := everything
		if !after.IsZero() {
			behind = beyond(idSteps(after, false)...)
		}
		hits, err := x.hits(ctx, &meili.SearchRequest{
			IndexUID: x.o.Index, Filter: and(filter, behind), Sort: sortBy(false, idAttrs...), Limit: int64(page),
			AttributesToRetrieve: []string{attrContact, attrVersion},
		})
		if err != nil {
			return err
		}
		for _, h := range hits {
			id, err := crm.ParseID(h.Contact)
			if err != nil {
				return fmt.Errorf("a document of the index has no contact: %w", crm.ErrUnavailable)
			}
			visit(id, h)
			after = id
		}
		if limit -= len(hits); len(hits) < page {
			return nil
		}
	}
	return nil
}
