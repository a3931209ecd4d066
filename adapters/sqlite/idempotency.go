package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/crm"
)

// GetIdempotencyRecord implements [crm.IdempotencyStore].
func (r reads) GetIdempotencyRecord(ctx context.Context, ws crm.WorkspaceID, key string) (crm.IdempotencyRecord, error) {
	record, ok, err := one(ctx, r, scanIdempotencyRecord,
		fixed("SELECT key, request, answer, created_at FROM idempotency_records WHERE workspace = ? AND key = ?"), blob(ws), key)
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
	err = rows.Scan(&record.Key, (*idColumn)(&record.Request), &answer, scanTime(&record.CreatedAt))
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
	_, err := t.exec(ctx, fixed(`INSERT INTO idempotency_records (workspace, key, request, answer, created_at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (workspace, key) DO UPDATE SET request = excluded.request, answer = excluded.answer, created_at = excluded.created_at`),
		blob(ws), record.Key, blob(record.Request), answer, crm.Micros(record.CreatedAt))
	if err != nil {
		return fmt.Errorf("put idempotency record: %w", err)
	}
	return nil
}

// DeleteIdempotencyRecord implements [crm.IdempotencyStore].
func (t *tx) DeleteIdempotencyRecord(ctx context.Context, ws crm.WorkspaceID, key string) error {
	_, err := t.exec(ctx, fixed("DELETE FROM idempotency_records WHERE workspace = ? AND key = ?"), blob(ws), key)
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
		return t.change(ctx, fixed(`DELETE FROM idempotency_records WHERE rowid IN
			(SELECT rowid FROM idempotency_records INDEXED BY idempotency_records_by_time WHERE created_at < ? ORDER BY created_at LIMIT ?)`),
			crm.Micros(before), limit)
	})
	if err != nil {
		return 0, fmt.Errorf("purge idempotency records: %w", err)
	}
	return int(n), nil
}
