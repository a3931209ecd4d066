package postgres

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

// tagsText adds up what is folded and what is pending, in the order in which it
// was written. A tag takes the spelling that came first, and another one when its
// count has come to nothing: it was forgotten then.
const tagsText = `SELECT key, coalesce((array_agg(name ORDER BY seq) FILTER (WHERE seq > forgotten))[1], ''), CAST(sum(n) AS bigint) FROM (
		SELECT key, name, n, seq, coalesce(max(seq) FILTER (WHERE total <= 0) OVER (PARTITION BY key), -1) AS forgotten FROM (
			SELECT key, name, n, seq, sum(n) OVER (PARTITION BY key ORDER BY seq) AS total FROM (
				SELECT key, name, count AS n, 0 AS seq FROM crm.tags WHERE workspace = $1
				UNION ALL
				SELECT key, name, n, seq FROM crm.pending_counts WHERE workspace = $1 AND what = 2) AS parts) AS running) AS spelled
	GROUP BY key HAVING sum(n) <> 0 ORDER BY key`

// ListTags implements [crm.TagStore].
func (r reads) ListTags(ctx context.Context, ws crm.WorkspaceID) ([]crm.Tag, error) {
	tags, err := list(ctx, r, scanTag, fixed(tagsText), uuidOf(ws))
	if err != nil {
		return nil, fmt.Errorf("list tags: %w", err)
	}
	return slices.DeleteFunc(tags, func(t crm.Tag) bool { return t.Count <= 0 }), nil
}

// ListTags implements [crm.TagStore], with what the transaction has added.
func (t *tx) ListTags(ctx context.Context, ws crm.WorkspaceID) ([]crm.Tag, error) {
	byKey := map[string]crm.Tag{}
	err := each(ctx, t, func(rows *sqlx.Rows) error {
		tag, err := scanTag(rows)
		byKey[tag.Key] = tag
		return err
	}, fixed(tagsText), uuidOf(ws))
	if err != nil {
		return nil, fmt.Errorf("list tags: %w", err)
	}
	for at, n := range t.added.counts {
		if at.ws != ws || at.what != countTag {
			continue
		}
		tag, ok := byKey[at.key]
		if !ok {
			tag = crm.Tag{Key: at.key, Name: t.added.names[at]}
		}
		tag.Count += int(n)
		byKey[at.key] = tag
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
		t.added.addTag(ws, d.Key, d.Name, int64(d.Delta))
	}
	return nil
}

// AddTagCounts implements [crm.TagStore].
func (s *Store) AddTagCounts(ctx context.Context, ws crm.WorkspaceID, changes []crm.TagDelta) error {
	return s.inTx(ctx, func(t *tx) error { return t.AddTagCounts(ctx, ws, changes) })
}
