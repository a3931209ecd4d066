package identity

import (
	"context"
	"errors"
	"fmt"

	"github.com/omnicrm/omnicrm/crm"
)

var _ crm.Namer = (*Identity)(nil)

// Names implements [crm.Namer] for users, members and API keys, as they are called
// now: a user who was deleted and a key that was revoked have none. Give it to
// crm.Config.Names.
func (i *Identity) Names(ctx context.Context, ws crm.WorkspaceID, kind string, ids []crm.ID) (map[crm.ID]string, error) {
	names := make(map[crm.ID]string, len(ids))
	for _, id := range ids {
		name, err := i.Members.core.nameOf(ctx, ws, kind, id)
		if err != nil && !errors.Is(err, crm.ErrNotFound) {
			return nil, fmt.Errorf("name %s %s: %w", kind, id, err)
		}
		if name != "" {
			names[id] = name
		}
	}
	return names, nil
}

func (k *core) nameOf(ctx context.Context, ws crm.WorkspaceID, kind string, id crm.ID) (string, error) {
	switch kind {
	case SubjectUser, SubjectMember:
		user, err := k.store.GetUser(ctx, id)
		return user.Name, err
	case SubjectKey:
		key, err := k.store.GetKey(ctx, ws, id)
		return key.Name, err
	}
	return "", nil
}
