package identity

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// maxKeys is how many API keys a member can have in a workspace.
const maxKeys = 100

// NewKey is the input of a new API key.
type NewKey struct {
	// Name tells people what the key is for, 1 to 200 characters. Default
	// "API key".
	Name string
	// Scopes narrow what the key may do. Default: all but admin, of those that
	// the actor has.
	Scopes []crm.Scope
	// ExpiresAt is when the key ends. Default: it does not end by itself.
	ExpiresAt time.Time
}

// KeyService makes, shows and revokes API keys and tells who calls with one.
type KeyService struct{ core *core }

// Create makes an API key of the actor's user in the actor's workspace and
// returns it with its text, which is shown here and never again. The key acts
// with the role that its maker has when it is used. An API key makes keys with
// its own scopes at most.
func (s *KeyService) Create(ctx context.Context, actor crm.Actor, in NewKey) (Key, string, error) {
	if err := actor.Authorize(crm.PermSignIn); err != nil {
		return Key{}, "", fmt.Errorf("create API key: %w", err)
	}
	text := newKeyText()
	key, err := s.newKey(actor, in, text)
	if err != nil {
		return Key{}, "", fmt.Errorf("create API key: %w", err)
	}
	err = s.core.store.InIdentityTx(ctx, func(tx Tx) error {
		have, err := tx.ListKeys(ctx, actor.Workspace, KeyQuery{User: actor.User, Limit: maxKeys})
		if err != nil {
			return err
		}
		if len(have) >= maxKeys {
			return &crm.ConflictError{Reason: crm.ConflictState, Message: "a member can have 100 API keys; revoke one first"}
		}
		if err := tx.PutKey(ctx, actor.Workspace, key, digestOf(text)); err != nil {
			return err
		}
		return s.core.tell(ctx, tx, actor.Workspace, EventKeyCreated, by(actor), subject(SubjectKey, key.ID))
	})
	if err != nil {
		return Key{}, "", fmt.Errorf("create API key: %w", err)
	}
	return key, text, nil
}

func (s *KeyService) newKey(actor crm.Actor, in NewKey, text string) (Key, error) {
	now := s.core.now()
	key := Key{ID: s.core.newID(), User: actor.User, Prefix: text[:shownPrefix], CreatedAt: now}
	var p problems
	key.Name = p.name("name", in.Name, "API key")
	key.Scopes = p.scopes("scopes", actor, in.Scopes)
	if !in.ExpiresAt.IsZero() {
		key.ExpiresAt = in.ExpiresAt.UTC().Truncate(time.Microsecond)
		if !key.ExpiresAt.After(now) {
			p.add("expiresAt", crm.CodeInvalid, "must be in the future")
		}
	}
	if err := p.err(); err != nil {
		return Key{}, err
	}
	return key, nil
}

// scopes returns the scopes of a new key, each once, in the order of
// [crm.Scopes].
func (p *problems) scopes(field string, actor crm.Actor, asked []crm.Scope) []crm.Scope {
	for i, scope := range asked {
		at := fmt.Sprintf("%s[%d]", field, i)
		switch {
		case !slices.Contains(crm.Scopes(), scope):
			p.add(at, crm.CodeUnknown, "must be one of "+strings.Join(scopeNames(), ", "))
		case actor.Scopes != nil && !slices.Contains(actor.Scopes, scope):
			p.add(at, crm.CodeInvalid, "must be a scope of the API key that asks")
		}
	}
	return slices.DeleteFunc(crm.Scopes(), func(scope crm.Scope) bool {
		if len(asked) == 0 {
			return scope == crm.ScopeAdmin || actor.Scopes != nil && !slices.Contains(actor.Scopes, scope)
		}
		return !slices.Contains(asked, scope)
	})
}

func scopeNames() []string {
	var names []string
	for _, scope := range crm.Scopes() {
		names = append(names, string(scope))
	}
	return names
}

// List returns a page of the actor's own API keys in the workspace, for admins
// those of all members, by id, beginning after the id after. A limit of 0 means
// 100, the highest is 200.
func (s *KeyService) List(ctx context.Context, actor crm.Actor, after crm.ID, limit int) ([]Key, error) {
	if err := actor.Authorize(crm.PermSignIn); err != nil {
		return nil, fmt.Errorf("list API keys: %w", err)
	}
	limit, err := pageLimit(limit)
	if err != nil {
		return nil, fmt.Errorf("list API keys: %w", err)
	}
	user, some := keysOf(actor)
	if !some {
		return nil, nil
	}
	keys, err := s.core.store.ListKeys(ctx, actor.Workspace, KeyQuery{User: user, After: after, Limit: limit})
	if err != nil {
		return nil, fmt.Errorf("list API keys: %w", err)
	}
	return keys, nil
}

// keysOf returns whose keys the actor sees, zero for everybody's. A member who
// has no user sees none.
func keysOf(actor crm.Actor) (user crm.ID, some bool) {
	if actor.May(crm.PermMembersManage) {
		return crm.ID{}, true
	}
	return actor.User, !actor.User.IsZero()
}

// seesKey reports whether the actor may see and revoke the key.
func seesKey(actor crm.Actor, k Key) bool {
	user, some := keysOf(actor)
	return some && (user.IsZero() || user == k.User)
}

// Count returns how many keys List has.
func (s *KeyService) Count(ctx context.Context, actor crm.Actor) (int, error) {
	if err := actor.Authorize(crm.PermSignIn); err != nil {
		return 0, fmt.Errorf("count API keys: %w", err)
	}
	user, some := keysOf(actor)
	if !some {
		return 0, nil
	}
	n, err := s.core.store.CountKeys(ctx, actor.Workspace, user)
	if err != nil {
		return 0, fmt.Errorf("count API keys: %w", err)
	}
	return n, nil
}

// Get returns an API key: one's own, for admins anybody's. Another member's key
// is ErrNotFound for the others.
func (s *KeyService) Get(ctx context.Context, actor crm.Actor, id crm.ID) (Key, error) {
	if err := actor.Authorize(crm.PermSignIn); err != nil {
		return Key{}, fmt.Errorf("get API key: %w", err)
	}
	key, err := s.core.store.GetKey(ctx, actor.Workspace, id)
	if err == nil && !seesKey(actor, key) {
		err = crm.ErrNotFound
	}
	if err != nil {
		return Key{}, fmt.Errorf("get API key %s: %w", id, err)
	}
	return key, nil
}

// Revoke ends an API key at once: one's own, for admins anybody's. Another
// member's key is ErrNotFound for the others.
func (s *KeyService) Revoke(ctx context.Context, actor crm.Actor, id crm.ID) error {
	if err := actor.Authorize(crm.PermSignIn); err != nil {
		return fmt.Errorf("revoke API key: %w", err)
	}
	err := s.core.store.InIdentityTx(ctx, func(tx Tx) error {
		key, err := tx.GetKey(ctx, actor.Workspace, id)
		if err != nil {
			return err
		}
		if !seesKey(actor, key) {
			return crm.ErrNotFound
		}
		if err := tx.DeleteKey(ctx, actor.Workspace, id); err != nil {
			return err
		}
		return s.core.tell(ctx, tx, actor.Workspace, EventKeyRevoked, by(actor), subject(SubjectKey, id))
	})
	if err != nil {
		return fmt.Errorf("revoke API key %s: %w", id, err)
	}
	return nil
}
