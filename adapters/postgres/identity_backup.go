package postgres

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
)

// digestColumn scans the 32 bytes of a digest.
type digestColumn identity.Digest

// Scan implements sql.Scanner.
func (c *digestColumn) Scan(src any) error {
	b, ok := src.([]byte)
	if !ok || len(b) != len(c) {
		return fmt.Errorf("scan digest: got %T of %d bytes", src, len(b))
	}
	copy(c[:], b)
	return nil
}

// ListUserRecords implements [identity.Snapshot].
func (r reads) ListUserRecords(ctx context.Context, after crm.ID, limit int) ([]identity.UserRecord, error) {
	all, err := list(ctx, r, scanUserRecord, fixed("SELECT "+userRecordColumns+" FROM crm.users WHERE id > ? ORDER BY id LIMIT ?"), uuidOf(after), limit)
	return all, named("list records of users", err)
}

// ListKeyRecords implements [identity.Snapshot].
func (r reads) ListKeyRecords(ctx context.Context, ws crm.WorkspaceID, after crm.ID, limit int) ([]identity.KeyRecord, error) {
	all, err := list(ctx, r, func(rows *sqlx.Rows) (k identity.KeyRecord, err error) {
		err = rows.Scan(append(keyFields(&k.Key), (*digestColumn)(&k.Digest))...)
		return k, err
	}, fixed("SELECT "+keyColumns+", digest FROM crm.api_keys WHERE workspace = ? AND id > ? ORDER BY id LIMIT ?"), uuidOf(ws), uuidOf(after), limit)
	return all, named("list records of API keys", err)
}

// ListInvitationRecords implements [identity.Snapshot].
func (r reads) ListInvitationRecords(ctx context.Context, ws crm.WorkspaceID, after crm.ID, limit int) ([]identity.TokenRecord, error) {
	all, err := list(ctx, r, func(rows *sqlx.Rows) (i identity.TokenRecord, err error) {
		err = rows.Scan(append(invitationFields(&i.Invitation), scanExact(&i.EmailKey), (*digestColumn)(&i.Token))...)
		return i, err
	}, fixed("SELECT "+invitationColumns+", email_key, token FROM crm.invitations WHERE workspace = ? AND id > ? ORDER BY id LIMIT ?"), uuidOf(ws), uuidOf(after), limit)
	return all, named("list records of invitations", err)
}
