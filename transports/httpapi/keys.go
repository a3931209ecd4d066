package httpapi

import (
	"net/http"
	"time"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
)

const cursorKeys = "k"

type newKeyInput struct {
	Name      optional[string]    `json:"name,omitzero" maxLength:"200" doc:"Default API key."`
	Scopes    []crm.Scope         `json:"scopes,omitempty" maxItems:"10" doc:"Default all but admin; never more than the maker's role allows."`
	ExpiresAt optional[time.Time] `json:"expiresAt,omitzero" doc:"Default never."`
}

type keyRecord struct {
	ID        crm.ID      `json:"id"`
	UserID    crm.ID      `json:"userId" doc:"Who made it."`
	Name      string      `json:"name"`
	Prefix    string      `json:"prefix" doc:"How the key begins, to tell keys apart."`
	Scopes    []crm.Scope `json:"scopes"`
	CreatedAt time.Time   `json:"createdAt"`
	ExpiresAt *time.Time  `json:"expiresAt"`
	UsedAt    *time.Time  `json:"usedAt"`
	Key       *string     `json:"key" doc:"The key itself, in the answer that made it and never again."`
}

func keyRecordOf(k identity.Key) keyRecord {
	return keyRecord{
		ID: k.ID, UserID: k.User, Name: k.Name, Prefix: k.Prefix, Scopes: orEmpty(k.Scopes), CreatedAt: k.CreatedAt,
		ExpiresAt: timeOrNull(k.ExpiresAt), UsedAt: timeOrNull(k.UsedAt),
	}
}

func (h *Handler) createKey(c *call) error {
	in, err := decode[newKeyInput](c)
	if err != nil {
		return err
	}
	key, secret, err := h.options.Identity.Keys.Create(c.r.Context(), c.actor,
		identity.NewKey{Name: in.Name.value, Scopes: in.Scopes, ExpiresAt: in.ExpiresAt.value})
	if err != nil {
		return err
	}
	record := keyRecordOf(key)
	record.Key = &secret
	c.remember(key.ID, nil)
	return c.writeCreated(c.link("api-keys", key.ID.String()), keyVersion(key), record)
}

// keyVersion makes an ETag possible: nothing of a key changes but when it was
// last used.
func keyVersion(k identity.Key) int64 {
	if k.UsedAt.IsZero() {
		return 1
	}
	return k.UsedAt.UnixMicro()
}

func (h *Handler) getKey(c *call) error {
	id, err := c.id("id")
	if err != nil {
		return err
	}
	key, err := h.options.Identity.Keys.Get(c.r.Context(), c.actor, id)
	if err != nil {
		return err
	}
	return c.writeRecord(http.StatusOK, keyVersion(key), keyRecordOf(key))
}

// replayKey answers with the key of an earlier answer, without the key itself.
func (h *Handler) replayKey(c *call, saved *crm.SavedAnswer) error {
	key, err := h.options.Identity.Keys.Get(c.r.Context(), c.actor, saved.Record)
	if err != nil {
		return err
	}
	return c.writeRecord(saved.Status, keyVersion(key), keyRecordOf(key))
}

func (h *Handler) listKeys(c *call) error {
	after, err := c.cursorID(cursorKeys)
	if err != nil {
		return err
	}
	limit := c.number("pageSize", defaultMemberPage)
	keys, err := h.options.Identity.Keys.List(c.r.Context(), c.actor, after, limit)
	if err != nil {
		return err
	}
	total, err := h.options.Identity.Keys.Count(c.r.Context(), c.actor)
	if err != nil {
		return err
	}
	next := ""
	if len(keys) == limit {
		next = makeCursor(cursorKeys, keys[limit-1].ID.String())
	}
	items := make([]keyRecord, len(keys))
	for i, k := range keys {
		items[i] = keyRecordOf(k)
	}
	return c.writeJSON(http.StatusOK, countedPage(items, next, total))
}

func (h *Handler) revokeKey(c *call) error {
	id, err := c.id("id")
	if err != nil {
		return err
	}
	if err := h.options.Identity.Keys.Revoke(c.r.Context(), c.actor, id); err != nil {
		return err
	}
	return c.noContent()
}
