package crm

import (
	"context"
	"time"
)

// Workspace owns every other record. One is made on first use of its id, so an
// embedding program needs no step of its own for a new customer.
type Workspace struct {
	ID WorkspaceID
	// Name is shown to people, 1 to 200 characters.
	Name string
	// Region is the ISO 3166-1 alpha-2 country that phones without a country
	// code belong to. Default US.
	Region string
	// TimeZone is the IANA zone that days begin in where the caller names
	// none. Default UTC.
	TimeZone  string
	CreatedAt time.Time
	UpdatedAt time.Time
	Version   int64
}

// WorkspacePatch changes the settings of a workspace; nil leaves a field as it is.
type WorkspacePatch struct {
	Name     *string
	Region   *string
	TimeZone *string
	// Version, when not 0, must be the current one.
	Version int64
}

// WorkspaceStore keeps workspaces.
type WorkspaceStore interface {
	// GetWorkspace returns the workspace, or ErrNotFound.
	GetWorkspace(ctx context.Context, ws WorkspaceID) (Workspace, error)
	// PutWorkspace inserts w when expect is 0, else replaces the row whose
	// version is expect. A row that exists already, or has another version,
	// is a *ConflictError (ConflictExists or ConflictStale).
	PutWorkspace(ctx context.Context, w Workspace, expect int64) error
}
