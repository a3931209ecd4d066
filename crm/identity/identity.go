package identity

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// Config wires an [Identity]. Only Store is required; every other field has a
// default that works.
type Config struct {
	// Store keeps everything. Required; it must be the database of the
	// [crm.Store], which an adapter's Store is both of. Who opens it, closes it.
	Store Store
	// Now is the clock. Default time.Now.
	Now func() time.Time
	// NewID makes ids; they must be unique and should grow. Default [crm.NewID].
	NewID func() crm.ID
	// Logger takes what no caller is told. Default slog.Default().
	Logger *slog.Logger
	// Hashes is how many passwords are hashed at once; each takes 19 MiB and a
	// core for some 20 ms. Default 2.
	Hashes int
}

// Identity is a struct of services. It has no goroutines and nothing to close.
// All services are safe for parallel use.
type Identity struct {
	Users       *UserService
	Sessions    *SessionService
	Keys        *KeyService
	Members     *MemberService
	Invitations *InvitationService
	Workspaces  *WorkspaceService
	Operator    *Operator
	Backup      *Backup
}

// core is what the services share.
type core struct {
	store  Store
	now    func() time.Time
	newID  func() crm.ID
	log    *slog.Logger
	hasher *hasher
}

// New checks the configuration and wires the services. It starts nothing and
// reads nothing.
func New(c Config) (*Identity, error) {
	if c.Store == nil {
		return nil, fmt.Errorf("new identity: %w", crm.Invalid("Store", crm.CodeRequired, "must be given, for instance by sqlite.Open"))
	}
	if c.Hashes < 0 {
		return nil, fmt.Errorf("new identity: %w", crm.Invalid("Hashes", crm.CodeInvalid, "must not be negative"))
	}
	if c.Hashes == 0 {
		c.Hashes = 2
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.NewID == nil {
		c.NewID = crm.NewID
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	// Times as stores keep them: UTC, whole microseconds.
	now := func() time.Time { return c.Now().UTC().Truncate(time.Microsecond) }
	k := &core{store: keyedStore{c.Store}, now: now, newID: c.NewID, log: c.Logger, hasher: newHasher(c.Hashes)}
	return &Identity{
		Users: &UserService{k}, Sessions: &SessionService{k}, Keys: &KeyService{k}, Members: &MemberService{k},
		Invitations: &InvitationService{k}, Workspaces: &WorkspaceService{k}, Operator: &Operator{k}, Backup: &Backup{k},
	}, nil
}

// keyedStore is the store of the services: its transactions note the
// Idempotency-Key of the request they belong to, so that no service can forget it.
type keyedStore struct{ Store }

// InIdentityTx implements [Store].
func (s keyedStore) InIdentityTx(ctx context.Context, fn func(tx Tx) error) error {
	return crm.CarryKey(ctx, s.Store.InIdentityTx, func(tx Tx, see func([]crm.Event)) Tx { return watchedTx{tx, see} }, fn)
}

// watchedTx shows the events of a transaction.
type watchedTx struct {
	Tx
	see func([]crm.Event)
}

// AppendEvents implements [crm.EventStore].
func (t watchedTx) AppendEvents(ctx context.Context, ws crm.WorkspaceID, events []crm.Event) error {
	t.see(events)
	return t.Tx.AppendEvents(ctx, ws, events)
}
