package postgres

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/crm"
)

const idempotencyRecord = "SELECT key, request, answer, created_at FROM crm.idempotency_records WHERE workspace = ? AND key = ?"

// GetIdempotencyRecord implements [crm.IdempotencyStore].
func (r reads) GetIdempotencyRecord(ctx context.Context, ws crm.WorkspaceID, key string) (crm.IdempotencyRecord, error) {
	record, ok, err := one(ctx, r, scanIdempotencyRecord, fixed(idempotencyRecord), uuidOf(ws), exactText(key))
	return foundRecord(record, ok, err)
}

// GetIdempotencyRecord implements [crm.IdempotencyStore]. What it finds stays so
// until the end of the transaction, also that there is none: of requests that
// come at once with a new key one goes on and the others wait for it.
func (t *tx) GetIdempotencyRecord(ctx context.Context, ws crm.WorkspaceID, key string) (crm.IdempotencyRecord, error) {
	record, ok, err := one(ctx, t, scanIdempotencyRecord, fixed(idempotencyRecord+forUpdate), uuidOf(ws), exactText(key))
	if err == nil && !ok {
		if err = t.hold(ctx, t.lockKey("idempotency", ws.String(), key)); err == nil {
			record, ok, err = one(ctx, t, scanIdempotencyRecord, fixed(idempotencyRecord+forUpdate), uuidOf(ws), exactText(key))
		}
	}
	return foundRecord(record, ok, err)
}

func foundRecord(record crm.IdempotencyRecord, ok bool, err error) (crm.IdempotencyRecord, error) {
	if err == nil && !ok {
		err = crm.ErrNotFound
	}
	if err != nil {
		return crm.IdempotencyRecord{}, fmt.Errorf("get idempotency record: %w", err)
	}
	return record, nil
}

func scanIdempotencyRecord(rows *sqlx.Rows) (record crm.IdempotencyRecord, err error) {
	var answer sql.NullString
	err = rows.Scan(scanExact(&record.Key), (*idColumn)(&record.Request), &answer, scanTime(&record.CreatedAt))
	if err == nil && answer.Valid {
		err = json.Unmarshal([]byte(answer.String), &record.Answer)
	}
	return record, err
}

// PutIdempotencyRecord implements [crm.IdempotencyStore].
func (t *tx) PutIdempotencyRecord(ctx context.Context, ws crm.WorkspaceID, record crm.IdempotencyRecord) error {
	var answer any
	if record.Answer != nil {
		b, err := json.Marshal(record.Answer)
		if err != nil {
			return fmt.Errorf("put idempotency record: %w", err)
		}
		answer = string(b)
	}
	_, err := t.exec(ctx, fixed(`INSERT INTO crm.idempotency_records (workspace, key, request, answer, created_at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (workspace, key) DO UPDATE SET request = excluded.request, answer = excluded.answer, created_at = excluded.created_at`),
		uuidOf(ws), exactText(record.Key), record.Request[:], answer, crm.Micros(record.CreatedAt))
	if err != nil {
		return fmt.Errorf("put idempotency record: %w", err)
	}
	return nil
}

// DeleteIdempotencyRecord implements [crm.IdempotencyStore].
func (t *tx) DeleteIdempotencyRecord(ctx context.Context, ws crm.WorkspaceID, key string) error {
	_, err := t.exec(ctx, fixed("DELETE FROM crm.idempotency_records WHERE workspace = ? AND key = ?"), uuidOf(ws), exactText(key))
	if err != nil {
		return fmt.Errorf("delete idempotency record: %w", err)
	}
	return nil
}

// PutIdempotencyRecord implements [crm.IdempotencyStore].
func (s *Store) PutIdempotencyRecord(ctx context.Context, ws crm.WorkspaceID, record crm.IdempotencyRecord) error {
	return s.inTx(ctx, func(t *tx) error { return t.PutIdempotencyRecord(ctx, ws, record) })
}

// DeleteIdempotencyRecord implements [crm.IdempotencyStore].
func (s *Store) DeleteIdempotencyRecord(ctx context.Context, ws crm.WorkspaceID, key string) error {
	return s.inTx(ctx, func(t *tx) error { return t.DeleteIdempotencyRecord(ctx, ws, key) })
}

// PurgeIdempotencyRecords implements [crm.SystemStore].
func (s *Store) PurgeIdempotencyRecords(ctx context.Context, before time.Time, limit int) (int, error) {
	n, err := inTxValue(ctx, s, func(t *tx) (int64, error) {
		return t.change(ctx, fixed(`WITH old AS MATERIALIZED (
				SELECT workspace, key FROM crm.idempotency_records WHERE created_at < ? ORDER BY created_at LIMIT ? FOR UPDATE SKIP LOCKED
			) DELETE FROM crm.idempotency_records r USING old WHERE r.workspace = old.workspace AND r.key = old.key`),
			crm.Micros(before), limit)
	})
	if err != nil {
		return 0, fmt.Errorf("purge idempotency records: %w", err)
	}
	return int(n), nil
}
