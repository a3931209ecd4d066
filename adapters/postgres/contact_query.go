package postgres

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/lib/pq"

	"github.com/omnicrm/omnicrm/adapters/internal/sqlkit"
	"github.com/omnicrm/omnicrm/crm"
)

// sortColumn returns the column of a sort key.
func sortColumn(by crm.ContactSort) (column string, err error) {
	switch by {
	case crm.SortCreatedAt:
		return "c.created_at", nil
	case crm.SortUpdatedAt:
		return "c.updated_at", nil
	case crm.SortDisplayName:
		return "c.name_key", nil
	case crm.SortLastInteractionAt:
		return "c.last_interaction_at", nil
	case crm.SortScore:
		return "c.score", nil
	}
	return "", crm.Invalid("sort", crm.CodeUnknown, "is not a sort key")
}

// sortArgument returns a position's value as the column holds it.
func sortArgument(by crm.ContactSort, value []byte) (any, error) {
	if by == crm.SortDisplayName {
		return notNil(value), nil
	}
	n, ok := crm.SortNumber(value)
	if !ok {
		return nil, crm.Invalid("cursor", crm.CodeInvalid, "does not belong to this list")
	}
	return n, nil
}

// ListContacts implements [crm.ContactStore].
func (r reads) ListContacts(ctx context.Context, ws crm.WorkspaceID, q crm.ContactQuery) ([]crm.Contact, error) {
	column, err := sortColumn(q.Sort)
	if err != nil {
		return nil, fmt.Errorf("list contacts: %w", err)
	}
	if q.Limit < 1 || q.Offset < 0 {
		return nil, fmt.Errorf("list contacts: %w", crm.Invalid("limit", crm.CodeInvalid, "must be at least 1, the offset at least 0"))
	}
	order := sqlkit.Keyset{Columns: []string{column, "c.id"}, Desc: q.Desc}
	w := criteria{}
	w.add("c.workspace = ?", uuidOf(ws))
	w.contacts(q.Where)
	if q.After != nil {
		value, err := sortArgument(q.Sort, q.After.Value)
		if err != nil {
			return nil, fmt.Errorf("list contacts: %w", err)
		}
		w.add(order.After(), value, uuidOf(q.After.ID))
	}
	text := "SELECT " + contactColumns + " FROM crm.contacts c WHERE " + w.text() +
		" ORDER BY " + order.OrderBy() + " LIMIT ?"
	w.args = append(w.args, q.Limit)
	if q.Offset > 0 {
		text += " OFFSET ?"
		w.args = append(w.args, q.Offset)
	}
	all, err := list(ctx, r, scanContact, statement{text: text, passes: w.filtered}, w.args...)
	if err != nil {
		return nil, fmt.Errorf("list contacts: %w", err)
	}
	return all, nil
}

// CountContacts implements [crm.ContactStore].
func (r reads) CountContacts(ctx context.Context, ws crm.WorkspaceID, where crm.ContactCriteria, atMost int) (int, error) {
	return r.countContacts(ctx, r, ws, where, atMost)
}

// CountContacts implements [crm.ContactStore].
func (t *tx) CountContacts(ctx context.Context, ws crm.WorkspaceID, where crm.ContactCriteria, atMost int) (int, error) {
	return t.countContacts(ctx, t, ws, where, atMost)
}

func (r reads) countContacts(ctx context.Context, from totals, ws crm.WorkspaceID, where crm.ContactCriteria, atMost int) (int, error) {
	n, err := r.count(ctx, from, ws, where, atMost)
	if err != nil {
		return 0, fmt.Errorf("count contacts: %w", err)
	}
	if atMost > 0 && n > int64(atMost) {
		n = int64(atMost)
	}
	return int(n), nil
}

func (r reads) count(ctx context.Context, totals totals, ws crm.WorkspaceID, where crm.ContactCriteria, atMost int) (int64, error) {
	if where.IsAll() || where.IsAllTrash() {
		figures, err := totals.contactFigures(ctx, ws)
		if where.Trash {
			return figures.trashed, err
		}
		return figures.live, err
	}
	w := criteria{}
	from, _ := w.driver(ws, where)
	var limit any // NULL: none.
	if atMost > 0 {
		limit = atMost
	}
	w.args = append(w.args, limit)
	n, _, err := one(ctx, r, number,
		statement{text: "SELECT count(*) FROM (SELECT 1 FROM " + from + " WHERE " + w.text() + " LIMIT CAST(? AS bigint)) AS matches", passes: true}, w.args...)
	return n, err
}

// ListContactIDs implements [crm.ContactStore].
func (r reads) ListContactIDs(ctx context.Context, ws crm.WorkspaceID, where crm.ContactCriteria, after crm.ID, limit int) ([]crm.ID, error) {
	w := criteria{}
	from, id := w.driver(ws, where)
	w.add(id+" > ?", uuidOf(after))
	w.args = append(w.args, limit)
	text := "SELECT " + id + " FROM " + from + " WHERE " + w.text() + " ORDER BY " + id + " LIMIT ?"
	ids, err := list(ctx, r, scanOneID, statement{text: text, passes: w.filtered}, w.args...)
	if err != nil {
		return nil, fmt.Errorf("list contact ids: %w", err)
	}
	return ids, nil
}

func scanOneID(rows *sqlx.Rows) (id crm.ID, err error) {
	err = rows.Scan(scanID(&id))
	return id, err
}

// PurgeCandidates implements [crm.SystemStore].
func (s *Store) PurgeCandidates(ctx context.Context, deletedBefore time.Time, limit int) ([]crm.WorkspaceContact, error) {
	all, err := list(ctx, s, func(rows *sqlx.Rows) (w crm.WorkspaceContact, err error) {
		err = rows.Scan(scanWorkspace(&w.Workspace), scanID(&w.Contact))
		return w, err
	}, fixed(`SELECT c.workspace, c.id FROM crm.contacts c
		WHERE c.deleted_at > -4611686018427387904 AND c.deleted_at < ? ORDER BY c.deleted_at LIMIT ?`), crm.Micros(deletedBefore), limit)
	if err != nil {
		return nil, fmt.Errorf("purge candidates: %w", err)
	}
	return all, nil
}

// criteria collects predicates with their arguments.
type criteria struct {
	predicates []string
	args       []any
	filtered   bool // holds more than workspace, trash and position
}

func (w *criteria) add(predicate string, args ...any) {
	w.predicates = append(w.predicates, predicate)
	w.args = append(w.args, args...)
}

func (w *criteria) filter(predicate string, args ...any) {
	w.filtered = true
	w.add(predicate, args...)
}

func (w *criteria) text() string { return strings.Join(w.predicates, " AND ") }

// contacts adds what selects contacts, of which c is the alias.
func (w *criteria) contacts(where crm.ContactCriteria) {
	if where.Trash {
		w.add("c.trashed")
	} else {
		w.add("NOT c.trashed")
	}
	w.anyOf("c.stage", textsOf(where.Stages))
	w.anyOf("c.source", exactTexts(where.Sources))
	w.yesNo("c.has_email", where.HasEmail)
	w.yesNo("c.has_phone", where.HasPhone)
	w.between("c.created_at", where.CreatedAt)
	w.between("c.updated_at", where.UpdatedAt)
	w.between("c.last_interaction_at", where.LastInteractionAt)
	if where.AllTags {
		for _, tag := range where.Tags {
			w.holds(crm.KeyTag, tag)
		}
	} else if len(where.Tags) > 0 {
		w.holds(crm.KeyTag, where.Tags...)
	}
	for _, key := range slices.Sorted(maps.Keys(where.Fields)) {
		w.holds(crm.KeyField, fieldKey(key, where.Fields[key]))
	}
	for _, word := range where.Words {
		w.filter("c.search_text LIKE ?", "%"+likeEscaper.Replace(cleanText(word))+"%")
	}
}

// fieldKey is the value of a [crm.KeyField] whose part is folded already.
func fieldKey(key, folded string) string { return key + "\x00" + folded }

// likeEscaper takes their meaning from the characters of patterns.
var likeEscaper = strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`)

func (w *criteria) anyOf(column string, values pq.StringArray) {
	if len(values) > 0 {
		w.filter(column+" = ANY(?)", values)
	}
}

func (w *criteria) yesNo(column string, want *bool) {
	if want != nil {
		w.filter(column+" = ?", *want)
	}
}

// between leaves out those without the time, which lie below every time.
func (w *criteria) between(column string, r crm.TimeRange) {
	if r.IsZero() {
		return
	}
	if r.From.IsZero() {
		w.filter(column+" > ?", crm.Micros(r.From))
	} else {
		w.filter(column+" >= ?", crm.Micros(r.From))
	}
	if !r.To.IsZero() {
		w.filter(column+" < ?", crm.Micros(r.To))
	}
}

// holds asks for any of the keys.
func (w *criteria) holds(kind crm.KeyKind, values ...string) {
	w.filter(`EXISTS (SELECT 1 FROM crm.contact_keys k WHERE k.workspace = c.workspace AND k.kind = `+fmt.Sprint(uint8(kind))+
		` AND k.value = ANY(?) AND k.contact = c.id)`, keyValues(values))
}

// driver sets up a statement whose order does not matter or is that of ids. A
// key that every match must hold leads it, because few contacts hold it; else
// the index does. It returns the FROM clause and the column of the id.
func (w *criteria) driver(ws crm.WorkspaceID, where crm.ContactCriteria) (from, id string) {
	kind, value := crm.KeyTag, ""
	switch {
	case len(where.Tags) > 0 && (where.AllTags || len(where.Tags) == 1):
		value = where.Tags[0]
	case len(where.Fields) > 0:
		key := slices.Min(slices.Collect(maps.Keys(where.Fields)))
		kind, value = crm.KeyField, fieldKey(key, where.Fields[key])
	default:
		w.add("c.workspace = ?", uuidOf(ws))
		w.contacts(where)
		return "crm.contacts c", "c.id"
	}
	w.add("d.workspace = ? AND d.kind = ? AND d.value = ?", uuidOf(ws), int64(kind), keyValue(value))
	w.contacts(where)
	return "crm.contact_keys d JOIN crm.contacts c ON c.workspace = d.workspace AND c.id = d.contact", "d.contact"
}
