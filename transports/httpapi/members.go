package httpapi

import (
	"net/http"
	"time"

	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/crm/identity"
)

const (
	cursorMembers = "m"
	// defaultMemberPage is how many members, keys and invitations a page has.
	defaultMemberPage = 100
)

type memberRecord struct {
	UserID    crm.ID    `json:"userId"`
	Email     string    `json:"email"`
	Name      string    `json:"name"`
	Role      crm.Role  `json:"role"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
	Version   int64     `json:"version"`
}

type memberPatch struct {
	Role crm.Role `json:"role"`
}

func memberRecordOf(m identity.Member) memberRecord {
	return memberRecord{
		UserID: m.User, Email: m.Email, Name: m.Name, Role: m.Role,
		CreatedAt: m.CreatedAt, UpdatedAt: m.UpdatedAt, Version: m.Version,
	}
}

func (h *Handler) listMembers(c *call) error {
	after, err := c.cursorID(cursorMembers)
	if err != nil {
		return err
	}
	limit := c.number("pageSize", defaultMemberPage)
	members, err := h.options.Identity.Members.List(c.r.Context(), c.actor, after, limit)
	if err != nil {
		return err
	}
	total, err := h.options.Identity.Members.Count(c.r.Context(), c.actor)
	if err != nil {
		return err
	}
	next := "" // A full page promises a next one, which may be empty.
	if len(members) == limit {
		next = makeCursor(cursorMembers, members[limit-1].User.String())
	}
	items := make([]memberRecord, len(members))
	for i, m := range members {
		items[i] = memberRecordOf(m)
	}
	return c.writeJSON(http.StatusOK, countedPage(items, next, total))
}

func (h *Handler) getMember(c *call) error {
	id, err := c.id("id")
	if err != nil {
		return err
	}
	m, err := h.options.Identity.Members.Get(c.r.Context(), c.actor, id)
	if err != nil {
		return err
	}
	return c.writeRecord(http.StatusOK, m.Version, memberRecordOf(m))
}

func (h *Handler) updateMember(c *call) error {
	id, err := c.id("id")
	if err != nil {
		return err
	}
	in, err := decode[memberPatch](c)
	if err != nil {
		return err
	}
	version, err := c.expected(c.memberVersion(id))
	if err != nil {
		return err
	}
	m, err := h.options.Identity.Members.ChangeRole(c.r.Context(), c.actor, id, in.Role, version)
	if err != nil {
		return err
	}
	return c.writeRecord(http.StatusOK, m.Version, memberRecordOf(m))
}

func (h *Handler) removeMember(c *call) error {
	id, err := c.id("id")
	if err != nil {
		return err
	}
	version, err := c.expected(c.memberVersion(id))
	if err != nil {
		return err
	}
	if err := h.options.Identity.Members.Remove(c.r.Context(), c.actor, id, version); err != nil {
		return err
	}
	return c.noContent()
}

func (c *call) memberVersion(id crm.ID) func() (int64, error) {
	return func() (int64, error) {
		m, err := c.h.options.Identity.Members.Get(c.r.Context(), c.reader(), id)
		return m.Version, err
	}
}
