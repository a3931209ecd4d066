package identity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/omnicrm/omnicrm/crm"
)

// Snapshotter reads a store as it was at one moment, for a backup.
type Snapshotter interface {
	// InIdentitySnapshot is InSnapshot of [crm.Snapshotter] with a view that also
	// has what this package keeps.
	InIdentitySnapshot(ctx context.Context, fn func(view Snapshot) error) error
}

// Snapshot is what a backup holds of the store, at one moment: no sessions, no
// links and no attempts.
type Snapshot interface {
	crm.Snapshot
	// ListUserRecords is ListUsers of [UserStore], with what signs in.
	ListUserRecords(ctx context.Context, after crm.ID, limit int) ([]UserRecord, error)
	// ListMembers is that of [MemberStore].
	ListMembers(ctx context.Context, ws crm.WorkspaceID, after crm.ID, limit int) ([]Member, error)
	// ListKeyRecords returns up to limit keys whose id sorts after the id after,
	// by id, with their digests.
	ListKeyRecords(ctx context.Context, ws crm.WorkspaceID, after crm.ID, limit int) ([]KeyRecord, error)
	// ListInvitationRecords is ListInvitations of [InvitationStore], with the
	// digests of their tokens.
	ListInvitationRecords(ctx context.Context, ws crm.WorkspaceID, after crm.ID, limit int) ([]TokenRecord, error)
}

// KeyRecord is a key as a store keeps it.
type KeyRecord struct {
	Key
	// Digest is that of the key's text.
	Digest Digest
}

// TokenRecord is an invitation with the digest of its token.
type TokenRecord struct {
	InvitationRecord
	Token Digest
}

// The kinds of documents in a backup. They are stored: never change them.
const (
	docUser       = "user"
	docMember     = "member"
	docKey        = "key"
	docInvitation = "invitation"
)

// backupPage is how many records are read at once.
const backupPage = 500

// Backup is the part of this package in backups. It implements
// [crm.BackupPart]: users with their password hashes, members, the digests of
// API keys and open invitations. Who was signed in has to sign in again.
type Backup struct{ *core }

var _ crm.BackupPart = (*Backup)(nil)

// PartName implements [crm.BackupPart].
func (*Backup) PartName() string { return "identity" }

// InPartSnapshot implements [crm.BackupPart].
func (b *Backup) InPartSnapshot(ctx context.Context, fn func(view crm.Snapshot, part crm.PartReader) error) error {
	return b.store.InIdentitySnapshot(ctx, func(view Snapshot) error {
		return fn(view, func(ctx context.Context, ws crm.WorkspaceID, emit func(crm.PartDocument) error) error {
			if ws == (crm.WorkspaceID{}) {
				return writeDocs(docUser, ws, emit, UserRecord.id, func(after crm.ID) ([]UserRecord, error) {
					return view.ListUserRecords(ctx, after, backupPage)
				})
			}
			return writeWorkspace(ctx, view, ws, emit)
		})
	})
}

func (u UserRecord) id() crm.ID  { return u.ID }
func (m Member) id() crm.ID      { return m.User }
func (k KeyRecord) id() crm.ID   { return k.ID }
func (t TokenRecord) id() crm.ID { return t.ID }

func writeWorkspace(ctx context.Context, view Snapshot, ws crm.WorkspaceID, emit func(crm.PartDocument) error) error {
	return errors.Join(
		writeDocs(docMember, ws, emit, Member.id, func(after crm.ID) ([]Member, error) { return view.ListMembers(ctx, ws, after, backupPage) }),
		writeDocs(docKey, ws, emit, KeyRecord.id, func(after crm.ID) ([]KeyRecord, error) { return view.ListKeyRecords(ctx, ws, after, backupPage) }),
		writeDocs(docInvitation, ws, emit, TokenRecord.id, func(after crm.ID) ([]TokenRecord, error) {
			return view.ListInvitationRecords(ctx, ws, after, backupPage)
		}),
	)
}

// writeDocs writes all records of a kind, page by page.
func writeDocs[T any](kind string, ws crm.WorkspaceID, emit func(crm.PartDocument) error, id func(T) crm.ID, page func(after crm.ID) ([]T, error)) error {
	var after crm.ID
	for {
		list, err := page(after)
		if err != nil {
			return err
		}
		for _, one := range list {
			doc, err := json.Marshal(one)
			if err != nil {
				return fmt.Errorf("write %s: %w", kind, err)
			}
			if err := emit(crm.PartDocument{Kind: kind, Workspace: ws, Doc: doc}); err != nil {
				return err
			}
			after = id(one)
		}
		if len(list) < backupPage {
			return nil
		}
	}
}

// RestorePart implements [crm.BackupPart]. Its events are those of the backup,
// which come with the log.
func (b *Backup) RestorePart(ctx context.Context, docs []crm.PartDocument) error {
	err := b.store.InIdentityTx(ctx, func(tx Tx) error {
		for _, doc := range docs {
			if err := restoreDoc(ctx, tx, doc); err != nil {
				return fmt.Errorf("restore %s: %w", doc.Kind, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("restore identity: %w", err)
	}
	return nil
}

func restoreDoc(ctx context.Context, tx Tx, doc crm.PartDocument) error {
	switch doc.Kind {
	case docUser:
		u, err := decodeDoc[UserRecord](doc)
		if err != nil {
			return err
		}
		return unlessThere(u.ID, func() error { _, err := tx.GetUser(ctx, u.ID); return err }, func() error { return tx.PutUser(ctx, u, 0) })
	case docMember:
		m, err := decodeDoc[Member](doc)
		if err != nil {
			return err
		}
		return unlessThere(m.User, func() error { _, err := tx.GetMember(ctx, doc.Workspace, m.User); return err },
			func() error { return tx.PutMember(ctx, doc.Workspace, m, 0) })
	case docKey:
		k, err := decodeDoc[KeyRecord](doc)
		if err != nil {
			return err
		}
		return unlessThere(k.ID, func() error { _, err := tx.GetKey(ctx, doc.Workspace, k.ID); return err },
			func() error { return tx.PutKey(ctx, doc.Workspace, k.Key, k.Digest) })
	case docInvitation:
		i, err := decodeDoc[TokenRecord](doc)
		if err != nil {
			return err
		}
		return unlessThere(i.ID, func() error { _, err := tx.GetInvitation(ctx, doc.Workspace, i.ID); return err },
			func() error { return tx.PutInvitation(ctx, doc.Workspace, i.InvitationRecord, i.Token) })
	}
	return crm.Invalid("backup", crm.CodeUnknown, "holds a kind of record that this version does not know; restore it with a newer one")
}

// unlessThere writes a record that an earlier try has not written already.
func unlessThere(id crm.ID, get, put func() error) error {
	err := get()
	if errors.Is(err, crm.ErrNotFound) {
		err = put()
	}
	if err != nil {
		return fmt.Errorf("record %s: %w", id, err)
	}
	return nil
}

func decodeDoc[T any](doc crm.PartDocument) (T, error) {
	var v T
	if err := json.Unmarshal(doc.Doc, &v); err != nil {
		return v, fmt.Errorf("read %s: %w", doc.Kind, err)
	}
	return v, nil
}
