package crm

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/text/language"
)

// Defaults of a workspace made on first use.
const (
	DefaultRegion   = "US"
	DefaultTimeZone = "UTC"
)

// settingsTTL is how long another process's change of a workspace's settings
// may go unseen here.
const settingsTTL = 2 * time.Second

// maxCachedSettings bounds the cache of settings.
const maxCachedSettings = 10_000

// WorkspaceService reads and changes the actor's workspace.
type WorkspaceService struct {
	core *core

	mu    sync.Mutex
	cache map[WorkspaceID]cachedSettings
}

type cachedSettings struct {
	workspace Workspace
	until     time.Time
}

func newWorkspaceService(k *core) *WorkspaceService {
	return &WorkspaceService{core: k, cache: map[WorkspaceID]cachedSettings{}}
}

// Get returns the actor's workspace. Any role may.
func (s *WorkspaceService) Get(ctx context.Context, actor Actor) (Workspace, error) {
	if err := actor.Authorize(PermContactsRead); err != nil {
		return Workspace{}, fmt.Errorf("get workspace: %w", err)
	}
	return s.settings(ctx, actor.Workspace)
}

// Update changes the settings; owners may. A region or time zone nobody knows
// is a *ValidationError.
func (s *WorkspaceService) Update(ctx context.Context, actor Actor, p WorkspacePatch) (Workspace, error) {
	if err := actor.Authorize(PermWorkspaceManage); err != nil {
		return Workspace{}, fmt.Errorf("update workspace: %w", err)
	}
	if err := s.ensure(ctx, actor.Workspace); err != nil {
		return Workspace{}, err
	}
	var after Workspace
	err := s.core.store.InTx(ctx, func(tx Tx) error {
		before, err := tx.GetWorkspace(ctx, actor.Workspace)
		if err != nil {
			return err
		}
		if p.Version != 0 && p.Version != before.Version {
			return staleError(ID(before.ID), before.Version)
		}
		var changed []string
		after, changed, err = patchWorkspace(before, p)
		if err != nil || len(changed) == 0 {
			return err
		}
		after.UpdatedAt, after.Version = s.core.now(), before.Version+1
		if err := tx.PutWorkspace(ctx, after, before.Version); err != nil {
			return err
		}
		return tx.AppendEvents(ctx, actor.Workspace, []Event{{
			ID: s.core.newID(), Type: EventWorkspaceUpdated, At: after.UpdatedAt, Actor: actor.ref(),
			Subject: Subject{Kind: "workspace", ID: ID(after.ID)}, Changed: changed, Version: after.Version,
		}})
	})
	if err != nil {
		return Workspace{}, fmt.Errorf("update workspace: %w", err)
	}
	s.forget(actor.Workspace)
	return after, nil
}

func patchWorkspace(w Workspace, p WorkspacePatch) (Workspace, []string, error) {
	var changed []string
	set := func(name string, field, value *string) {
		if value != nil && strings.TrimSpace(*value) != *field {
			*field = strings.TrimSpace(*value)
			changed = append(changed, name)
		}
	}
	set("name", &w.Name, p.Name)
	if p.Region != nil {
		region := strings.ToUpper(*p.Region)
		set("region", &w.Region, &region)
	}
	set("timeZone", &w.TimeZone, p.TimeZone)
	return w, changed, CheckWorkspace(w)
}

// CheckWorkspace applies the rules of a workspace's settings: a
// *ValidationError names what is wrong.
func CheckWorkspace(w Workspace) error {
	var p problems
	if w.Name == "" {
		p.add("name", CodeRequired, "must have 1 to 200 characters")
	}
	p.line("name", w.Name, MaxShortText)
	if !validRegion(w.Region) {
		p.add("region", CodeInvalid, "must be a two-letter country code such as US")
	}
	if _, err := LoadZone(w.TimeZone); err != nil {
		p.add("timeZone", CodeUnknown, "must be an IANA time zone such as Europe/Berlin")
	}
	return p.err()
}

func validRegion(r string) bool {
	known, err := language.ParseRegion(r)
	return err == nil && known.IsCountry() && known.String() == r
}

// LoadZone returns an IANA time zone. Unlike time.LoadLocation it refuses ""
// and "Local", whose meaning depends on the machine.
func LoadZone(name string) (*time.Location, error) {
	if name == "" || strings.EqualFold(name, "local") {
		return nil, Invalid("tz", CodeUnknown, "must be an IANA time zone such as Europe/Berlin")
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, Invalid("tz", CodeUnknown, "must be an IANA time zone such as Europe/Berlin")
	}
	return zone, nil
}

// zone returns the zone that a caller names, or the workspace's.
func (s *WorkspaceService) zone(ctx context.Context, ws WorkspaceID, name string) (*time.Location, error) {
	if name == "" {
		w, err := s.settings(ctx, ws)
		if err != nil {
			return nil, err
		}
		name = w.TimeZone
	}
	return LoadZone(name)
}

// settings returns the workspace as it is, or as it will be made.
func (s *WorkspaceService) settings(ctx context.Context, ws WorkspaceID) (Workspace, error) {
	now := s.core.now()
	s.mu.Lock()
	c, ok := s.cache[ws]
	s.mu.Unlock()
	if ok && now.Before(c.until) {
		return c.workspace, nil
	}
	w, err := s.core.store.GetWorkspace(ctx, ws)
	if errors.Is(err, ErrNotFound) {
		return s.fresh(ws), nil
	}
	if err != nil {
		return Workspace{}, fmt.Errorf("get workspace: %w", err)
	}
	s.mu.Lock()
	if len(s.cache) >= maxCachedSettings {
		clear(s.cache)
	}
	s.cache[ws] = cachedSettings{w, now.Add(settingsTTL)}
	s.mu.Unlock()
	return w, nil
}

func (s *WorkspaceService) fresh(ws WorkspaceID) Workspace {
	now := s.core.now()
	return Workspace{ID: ws, Name: "Workspace", Region: DefaultRegion, TimeZone: DefaultTimeZone, CreatedAt: now, UpdatedAt: now}
}

// ensure makes the workspace on its first use.
func (s *WorkspaceService) ensure(ctx context.Context, ws WorkspaceID) error {
	w, err := s.settings(ctx, ws)
	if err != nil || w.Version > 0 {
		return err
	}
	w.Version = 1
	if err := s.core.store.PutWorkspace(ctx, w, 0); err != nil && !errors.Is(err, ErrConflict) {
		return fmt.Errorf("make workspace: %w", err)
	}
	return nil
}

func (s *WorkspaceService) forget(ws WorkspaceID) {
	s.mu.Lock()
	delete(s.cache, ws)
	s.mu.Unlock()
}

func staleError(id ID, version int64) error {
	return &ConflictError{Reason: ConflictStale, ID: id, Version: version, Message: "the record has changed since it was read; read it again and repeat the change"}
}
