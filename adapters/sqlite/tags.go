package sqlite

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/crm"
)

func scanTag(rows *sqlx.Rows) (t crm.Tag, err error) {
	err = rows.Scan(&t.Key, &t.Name, &t.Count)
	return t, err
}

// ListTags implements [crm.TagStore].
func (r reads) ListTags(ctx context.Context, ws crm.WorkspaceID) ([]crm.Tag, error) {
	tags, err := list(ctx, r, scanTag, fixed("SELECT key, name, count FROM tags WHERE ws = ? AND count > 0 ORDER BY key"), numbered(ws))
	if err != nil {
		return nil, fmt.Errorf("list tags: %w", err)
	}
	return tags, nil
}

// ListTags implements [crm.TagStore], with what the transaction and the group
// before it have added. A tag whose count comes to zero keeps its name until
// the commit.
func (t *tx) ListTags(ctx context.Context, ws crm.WorkspaceID) ([]crm.Tag, error) {
	byKey := map[string]crm.Tag{}
	err := each(ctx, t, func(rows *sqlx.Rows) error {
		var tag crm.Tag
		err := rows.Scan(&tag.Key, &tag.Name, &tag.Count)
		byKey[tag.Key] = tag
		return err
	}, fixed("SELECT key, name, count FROM tags WHERE ws = ?"), numbered(ws))
	if err != nil {
		return nil, fmt.Errorf("list tags: %w", err)
	}
	for _, added := range []*deltas{&t.conn.added, &t.added} {
		for at, d := range added.tags {
			if at.ws != ws {
				continue
			}
			tag, ok := byKey[at.key]
			if !ok {
				tag = crm.Tag{Key: at.key, Name: d.name}
			}
			tag.Count += int(d.count)
			byKey[at.key] = tag
		}
	}
	var tags []crm.Tag
	for _, tag := range byKey {
		if tag.Count > 0 {
			tags = append(tags, tag)
		}
	}
	slices.SortFunc(tags, func(a, b crm.Tag) int { return strings.Compare(a.Key, b.Key) })
	return tags, nil
}

// AddTagCounts implements [crm.TagStore].
func (t *tx) AddTagCounts(ctx context.Context, ws crm.WorkspaceID, changes []crm.TagDelta) error {
	if err := t.ready(ctx); err != nil {
		return fmt.Errorf("add tag counts: %w", err)
	}
	for _, d := range changes {
		t.added.addTag(tagOf{ws, d.Key}, tagDelta{d.Name, int64(d.Delta)})
	}
	return nil
}

// AddTagCounts implements [crm.TagStore].
func (s *Store) AddTagCounts(ctx context.Context, ws crm.WorkspaceID, changes []crm.TagDelta) error {
	return s.inTx(ctx, func(t *tx) error { return t.AddTagCounts(ctx, ws, changes) })
}
