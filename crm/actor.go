package crm

import (
	"fmt"
	"slices"
)

// Role is what a user may do in a workspace. A higher role includes the lower ones.
type Role string

// The roles, lowest first.
const (
	RoleViewer Role = "viewer"
	RoleMember Role = "member"
	RoleAdmin  Role = "admin"
	RoleOwner  Role = "owner"
)

// Roles lists the roles, lowest first.
func Roles() []Role { return []Role{RoleViewer, RoleMember, RoleAdmin, RoleOwner} }

// Valid reports whether the role is one of [Roles].
func (r Role) Valid() bool { return slices.Contains(Roles(), r) }

// AtLeast reports whether r includes everything that other may do. An unknown
// role includes nothing.
func (r Role) AtLeast(other Role) bool {
	i := slices.Index(Roles(), r)
	return i >= 0 && i >= slices.Index(Roles(), other)
}

// Scope narrows what an API key may do within its maker's role.
type Scope string

// The scopes of API keys.
const (
	ScopeContactsRead  Scope = "contacts:read"
	ScopeContactsWrite Scope = "contacts:write"
	ScopeImports       Scope = "imports"
	ScopeJobs          Scope = "jobs"
	ScopeAdmin         Scope = "admin"
)

// Scopes lists all scopes.
func Scopes() []Scope {
	return []Scope{ScopeContactsRead, ScopeContactsWrite, ScopeImports, ScopeJobs, ScopeAdmin}
}

// ActorKind tells people from programs in events and the audit.
type ActorKind string

// The kinds of actors.
const (
	ActorUser   ActorKind = "user"
	ActorKey    ActorKind = "api_key"
	ActorSystem ActorKind = "system"
)

// Actor is somebody acting in one workspace. Every service call takes one; an
// embedding program makes them from its own sign-in, package crm/identity from
// sessions and API keys. The zero Actor may do nothing.
type Actor struct {
	// Workspace is where the actor acts. Required.
	Workspace WorkspaceID
	// User is who acts, for the audit and for "own jobs". Hosts with keys of
	// their own use [NamedID].
	User ID
	// Name is shown beside what the actor did. It is not stored in events.
	Name string
	// Role decides what the actor may do. Required.
	Role Role
	// Scopes narrows the role, for API keys. Nil means all the role allows;
	// an empty, non-nil list allows nothing.
	Scopes []Scope
	// Kind defaults to ActorUser.
	Kind ActorKind
	// Origin is the request in which the actor acts, for logs and traces.
	Origin Origin
}

// Permission is one line of the access table, the smallest thing that can be
// allowed or refused.
type Permission string

// The permissions.
const (
	PermContactsRead    Permission = "read contacts"
	PermContactsWrite   Permission = "write contacts"
	PermContactsErase   Permission = "erase contacts"
	PermImport          Permission = "import"
	PermImportsAll      Permission = "all imports"
	PermJobsOwn         Permission = "own jobs"
	PermJobsAll         Permission = "all jobs"
	PermMembersRead     Permission = "read members"
	PermMembersManage   Permission = "manage members"
	PermWorkspaceManage Permission = "manage the workspace"
	PermSignIn          Permission = "own sessions and keys"
	PermAudit           Permission = "read the audit"
)

// rule is what a permission asks for.
type rule struct {
	role  Role
	scope Scope
}

// accessTable is the one table of who may do what. Rows follow product J.
func accessTable(p Permission) (rule, bool) {
	switch p {
	case PermContactsRead:
		return rule{RoleViewer, ScopeContactsRead}, true
	case PermContactsWrite:
		return rule{RoleMember, ScopeContactsWrite}, true
	case PermContactsErase:
		return rule{RoleAdmin, ScopeContactsWrite}, true
	case PermImport:
		return rule{RoleMember, ScopeImports}, true
	case PermImportsAll:
		return rule{RoleAdmin, ScopeImports}, true
	case PermJobsOwn:
		return rule{RoleMember, ScopeJobs}, true
	case PermJobsAll:
		return rule{RoleAdmin, ScopeJobs}, true
	case PermMembersRead, PermMembersManage, PermAudit:
		return rule{RoleAdmin, ScopeAdmin}, true
	case PermWorkspaceManage:
		return rule{RoleOwner, ScopeAdmin}, true
	case PermSignIn:
		return rule{RoleViewer, ScopeAdmin}, true
	}
	return rule{}, false
}

// May reports whether the actor holds the permission.
func (a Actor) May(p Permission) bool { return a.Authorize(p) == nil }

// Authorize is the one place that decides. It returns nil, ErrUnauthenticated
// for an actor without a workspace or role, or ErrForbidden with the reason.
func (a Actor) Authorize(p Permission) error {
	if a.Workspace.IsZero() || a.Role == "" {
		return fmt.Errorf("%s: %w", p, ErrUnauthenticated)
	}
	need, ok := accessTable(p)
	if !ok {
		return fmt.Errorf("%s: unknown permission: %w", p, ErrForbidden)
	}
	if !a.Role.AtLeast(need.role) {
		return fmt.Errorf("%s needs the role %s: %w", p, need.role, ErrForbidden)
	}
	if a.Scopes != nil && !slices.Contains(a.Scopes, need.scope) {
		return fmt.Errorf("%s needs the scope %s: %w", p, need.scope, ErrForbidden)
	}
	return nil
}

// ref is how events name the actor.
func (a Actor) ref() EventActor {
	kind := a.Kind
	if kind == "" {
		kind = ActorUser
	}
	return EventActor{Kind: kind, ID: a.User}
}
