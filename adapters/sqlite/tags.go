package sqlite

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/crm"
)

// ListTags implements [crm.TagStore].
func (r reads) ListTags(ctx context.Context, ws crm.WorkspaceID) ([]crm.Tag, error) {
	tags, err := list(ctx, r, func(rows *sqlx.Rows) (t crm.Tag, err error) {
		err = rows.Scan(&t.Key, &t.Name, &t.Count)
		return t, err
	}, fixed("SELECT key, name, count FROM tags WHERE ws = ? AND count > 0 ORDER BY key"), numbered(ws))
	if err != nil {
		return nil, fmt.Errorf("list tags: %w", err)
	}
	return tags, nil
}

// AddTagCounts implements [crm.TagStore].
func (t *tx) AddTagCounts(ctx context.Context, ws crm.WorkspaceID, deltas []crm.TagDelta) error {
	err := t.insert(ctx, bulk{into: "tags (ws, key, name, count)", columns: 4, tail: " ON CONFLICT (ws, key) DO UPDATE SET count = count + excluded.count"}, len(deltas),
		func(args []any, i int) ([]any, error) {
			return append(args, numbered(ws), deltas[i].Key, deltas[i].Name, deltas[i].Delta), nil
		})
	if err != nil {
		return fmt.Errorf("add tag counts: %w", err)
	}
	return nil
}

// AddTagCounts implements [crm.TagStore].
func (s *Store) AddTagCounts(ctx context.Context, ws crm.WorkspaceID, deltas []crm.TagDelta) error {
	return s.inTx(ctx, func(t *tx) error { return t.AddTagCounts(ctx, ws, deltas) })
}
