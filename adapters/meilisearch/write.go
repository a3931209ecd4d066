package meilisearch

import (
	"context"
	"fmt"

	meili "github.com/meilisearch/meilisearch-go"

	"github.com/omnicrm/omnicrm/crm"
)

// PutDocuments implements [crm.SearchIndex]. It returns when the server has the
// documents. A batch that is larger than the server takes is sent in halves, each
// of them written or not on its own.
func (x *Index) PutDocuments(ctx context.Context, ws crm.WorkspaceID, docs []crm.SearchDocument) error {
	if len(docs) == 0 {
		return nil
	}
	out := make([]any, len(docs), len(docs)+2)
	for i := range docs {
		out[i] = x.documentOf(ws, &docs[i].Contact)
	}
	out = append(out, ourFormat())
	late, noted := x.lateMark(ws)
	if noted {
		out = append(out, late)
	}
	if err := x.put(ctx, out); err != nil {
		return fmt.Errorf("put %d documents: %w", len(docs), err)
	}
	if noted {
		x.wroteMark(ws, late.Position)
	}
	return nil
}

func (x *Index) put(ctx context.Context, docs []any) error {
	err := x.write(ctx, "send", func(ctx context.Context) (*meili.TaskInfo, error) {
		return x.index.AddDocumentsWithContext(ctx, docs, primaryKey())
	})
	if codeOf(err) != codeTooLarge || len(docs) == 1 {
		return err
	}
	half := len(docs) / 2 // Two of them may be no contacts.
	if err := x.put(ctx, docs[:half]); err != nil {
		return err
	}
	return x.put(ctx, docs[half:])
}

// DeleteDocuments implements [crm.SearchIndex].
func (x *Index) DeleteDocuments(ctx context.Context, ws crm.WorkspaceID, contacts []crm.ID) error {
	if len(contacts) == 0 {
		return nil
	}
	ids := make([]string, len(contacts))
	for i, c := range contacts {
		ids[i] = documentID(ws, c)
	}
	err := x.write(ctx, "delete", func(ctx context.Context) (*meili.TaskInfo, error) {
		return x.index.DeleteDocumentsWithContext(ctx, ids, nil)
	})
	if err != nil {
		return fmt.Errorf("delete %d documents: %w", len(contacts), err)
	}
	return nil
}

// DropWorkspace implements [crm.SearchIndex].
func (x *Index) DropWorkspace(ctx context.Context, ws crm.WorkspaceID) error {
	x.forgetMark(ws)
	err := x.write(ctx, "delete", func(ctx context.Context) (*meili.TaskInfo, error) {
		return x.index.DeleteDocumentsByFilterWithContext(ctx, or(ofWorkspace(ws), equals(attrMark, ws.String())), nil)
	})
	if err != nil {
		return fmt.Errorf("drop workspace %s: %w", ws, err)
	}
	x.forgetMark(ws)
	return nil
}

// IndexStatus implements [crm.SearchIndex].
func (x *Index) IndexStatus(ctx context.Context, ws crm.WorkspaceID) (crm.IndexStatus, error) {
	status := crm.IndexStatus{Shared: true}
	if err := x.prepare(ctx); err != nil {
		return status, fmt.Errorf("index status: %w", err)
	}
	answers, err := x.ask(ctx, []*meili.SearchRequest{x.counting(ofWorkspace(ws))})
	if err != nil {
		return status, fmt.Errorf("index status: %w", err)
	}
	at, err := x.readMark(ctx, ws)
	if err != nil {
		return status, fmt.Errorf("index status: %w", err)
	}
	status.Documents, status.Position = int(answers[0].TotalHits), at
	return status, nil
}
