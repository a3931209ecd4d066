package crmtest_test

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// brokenViews shows views in which something is broken.
type brokenViews struct {
	system
	wrap func(v view) crm.Snapshot
}

func (y brokenViews) InSnapshot(ctx context.Context, fn func(view crm.Snapshot) error) error {
	return y.system.InSnapshot(ctx, func(v crm.Snapshot) error { return fn(y.wrap(v.(view))) })
}

// movingViews shows the newest state each time.
type movingViews struct{ system }

func (y movingViews) InSnapshot(_ context.Context, fn func(view crm.Snapshot) error) error {
	s, err := y.m.read()
	if err != nil {
		return err
	}
	return fn(view{memTx{read: y.m.read}, s})
}

// staleViews shows the state before the newest write.
type staleViews struct {
	system
	seen *[]*state
}

func (y staleViews) InSnapshot(_ context.Context, fn func(view crm.Snapshot) error) error {
	s, err := y.m.read()
	if err != nil {
		return err
	}
	*y.seen = append(*y.seen, s)
	return fn(viewOf((*y.seen)[max(len(*y.seen)-2, 0)]))
}

// deafViews loses the error of the function.
type deafViews struct{ system }

func (y deafViews) InSnapshot(ctx context.Context, fn func(view crm.Snapshot) error) error {
	_ = y.system.InSnapshot(ctx, fn)
	return nil
}

type (
	viewWithoutTrash  struct{ view }
	viewOneBatch      struct{ view }
	viewAllBatches    struct{ view }
	viewEarlyPrints   struct{ view }
	viewNoJobs        struct{ view }
	viewNoRows        struct{ view }
	viewOldEvents     struct{ view }
	viewCutBlobs      struct{ view }
	viewNewSpaces     struct{ view }
	viewTagsOfAll     struct{ view }
	viewPrintsOfAll   struct{ view }
	viewBatchesOfAll  struct{ view }
	viewCutHistory    struct{ view }
	viewNoImports     struct{ view }
	viewNoImages      struct{ view }
	viewForgetsBlobs  struct{ view }
	viewOldWorkspaces struct{ view }
)

func (v viewWithoutTrash) ListContactIDs(ctx context.Context, ws crm.WorkspaceID, where crm.ContactCriteria, after crm.ID, limit int) ([]crm.ID, error) {
	if where.Trash {
		return nil, nil
	}
	return v.view.ListContactIDs(ctx, ws, where, after, limit)
}

func (v viewOneBatch) ListImageBatches(ctx context.Context, ws crm.WorkspaceID, after crm.ID, _ int) ([]crm.ID, error) {
	return v.view.ListImageBatches(ctx, ws, after, 1)
}

func (v viewAllBatches) ListImageBatches(ctx context.Context, ws crm.WorkspaceID, _ crm.ID, limit int) ([]crm.ID, error) {
	return v.view.ListImageBatches(ctx, ws, crm.ID{}, limit)
}

func (v viewEarlyPrints) ListFingerprints(ctx context.Context, ws crm.WorkspaceID, after crm.Fingerprint, limit int) ([]crm.FingerprintMark, error) {
	marks, err := v.view.ListFingerprints(ctx, ws, after, limit+1)
	return marks[min(1, len(marks)):], err
}

func (v viewNoJobs) ListJobs(context.Context, crm.WorkspaceID, crm.JobQuery) ([]crm.Job, error) {
	return nil, nil
}

func (v viewNoRows) ListImportRows(context.Context, crm.WorkspaceID, crm.ID, crm.ImportRowQuery) ([]crm.ImportRow, error) {
	return nil, nil
}

func (v viewOldEvents) ListEvents(ctx context.Context, ws crm.WorkspaceID, after crm.Position, limit int) ([]crm.Event, error) {
	events, err := v.view.ListEvents(ctx, ws, after, limit)
	return events[:max(len(events)-1, 0)], err
}

func (v viewCutBlobs) OpenBlob(ctx context.Context, ws crm.WorkspaceID, id crm.ID, offset int64) (io.ReadCloser, error) {
	r, err := v.view.OpenBlob(ctx, ws, id, offset)
	if err != nil {
		return nil, err
	}
	return io.NopCloser(io.LimitReader(r, 3)), nil
}

func (v viewNewSpaces) ListWorkspaces(context.Context, crm.WorkspaceID, int) ([]crm.Workspace, error) {
	return nil, nil
}

func (v viewTagsOfAll) ListTags(ctx context.Context, ws crm.WorkspaceID) ([]crm.Tag, error) {
	return everywhere(v.memTx, ws, func(ws crm.WorkspaceID) ([]crm.Tag, error) { return v.view.ListTags(ctx, ws) })
}

func (v viewPrintsOfAll) ListFingerprints(ctx context.Context, ws crm.WorkspaceID, after crm.Fingerprint, limit int) ([]crm.FingerprintMark, error) {
	return everywhere(v.memTx, ws, func(ws crm.WorkspaceID) ([]crm.FingerprintMark, error) {
		return v.view.ListFingerprints(ctx, ws, after, limit)
	})
}

func (v viewBatchesOfAll) ListImageBatches(ctx context.Context, ws crm.WorkspaceID, after crm.ID, limit int) ([]crm.ID, error) {
	return everywhere(v.memTx, ws, func(ws crm.WorkspaceID) ([]crm.ID, error) { return v.view.ListImageBatches(ctx, ws, after, limit) })
}

func (v viewCutHistory) GetInteractions(context.Context, crm.WorkspaceID, []crm.ID) ([]crm.Interaction, error) {
	return nil, nil
}

func (v viewNoImports) ListImports(context.Context, crm.WorkspaceID, crm.ImportQuery) ([]crm.Import, error) {
	return nil, nil
}

func (v viewNoImages) ListImages(context.Context, crm.WorkspaceID, crm.ID, crm.ID, int) ([]crm.Image, error) {
	return nil, nil
}

func (v viewForgetsBlobs) ListBlobs(context.Context, crm.WorkspaceID, time.Time, crm.ID, int) ([]crm.ID, error) {
	return nil, nil
}

func (v viewOldWorkspaces) ListWorkspaces(ctx context.Context, after crm.WorkspaceID, limit int) ([]crm.Workspace, error) {
	all, err := v.view.ListWorkspaces(ctx, after, limit)
	for i := range all {
		all[i].Name = strings.ToUpper(all[i].Name)
	}
	return all, err
}

func snapshotFaults() []fault {
	views := func(name, red string, wrap func(v view) crm.Snapshot) fault {
		return fault{name: name, part: "snapshot", red: red, store: breakParts(func(m *memStore, p *parts) { p.SystemStore = brokenViews{system{m}, wrap} })}
	}
	kinds := func(name string, wrap func(v view) crm.Snapshot) fault {
		return views(name, "every_record_of_every_kind", wrap)
	}
	whole := func(name, red string, wrap func(y system) crm.SystemStore) fault {
		return fault{name: name, part: "snapshot", red: red, store: breakParts(func(m *memStore, p *parts) { p.SystemStore = wrap(system{m}) })}
	}
	return []fault{
		kinds("a view has no trash", func(v view) crm.Snapshot { return viewWithoutTrash{v} }),
		kinds("a view has no jobs", func(v view) crm.Snapshot { return viewNoJobs{v} }),
		kinds("a view has no rows of imports", func(v view) crm.Snapshot { return viewNoRows{v} }),
		kinds("a view lacks the last event", func(v view) crm.Snapshot { return viewOldEvents{v} }),
		kinds("a view cuts files", func(v view) crm.Snapshot { return viewCutBlobs{v} }),
		kinds("a view has no workspaces", func(v view) crm.Snapshot { return viewNewSpaces{v} }),
		kinds("a view has no interactions", func(v view) crm.Snapshot { return viewCutHistory{v} }),
		kinds("a view has no imports", func(v view) crm.Snapshot { return viewNoImports{v} }),
		kinds("a view has no images", func(v view) crm.Snapshot { return viewNoImages{v} }),
		kinds("a view has no files", func(v view) crm.Snapshot { return viewForgetsBlobs{v} }),
		kinds("a view changes workspaces", func(v view) crm.Snapshot { return viewOldWorkspaces{v} }),
		views("a page of batches is cut", "page_by_page", func(v view) crm.Snapshot { return viewOneBatch{v} }),
		views("batches begin anew on every page", "page_by_page", func(v view) crm.Snapshot { return viewAllBatches{v} }),
		views("a page of fingerprints skips one", "page_by_page", func(v view) crm.Snapshot { return viewEarlyPrints{v} }),
		views("ListTags of a view forgets the workspace", "nothing_of_another", func(v view) crm.Snapshot { return viewTagsOfAll{v} }),
		views("ListFingerprints forgets the workspace", "nothing_of_another", func(v view) crm.Snapshot { return viewPrintsOfAll{v} }),
		views("ListImageBatches forgets the workspace", "nothing_of_another", func(v view) crm.Snapshot { return viewBatchesOfAll{v} }),
		whole("a view moves on", "stays_at_its_moment", func(y system) crm.SystemStore { return movingViews{y} }),
		whole("a view is late", "whole_transactions|stays_at_its_moment", func(y system) crm.SystemStore { return staleViews{y, new([]*state)} }),
		whole("a view loses the error", "comes_back_as_it_is", func(y system) crm.SystemStore { return deafViews{y} }),
	}
}

type (
	restoresAnywhere struct{ system }
	restoresAnything struct{ system }
	restoreForgets   struct{ system }
	restoreParts     struct{ system }
	restoreUnmarked  struct{ system }
	restoreEndless   struct{ system }
	restoreUnasked   struct{ system }
)

func (y restoresAnywhere) BeginRestore(ctx context.Context, backup crm.ID) (int64, error) {
	err := y.m.write(ctx, func(s *state) error {
		if s.restore.backup != backup {
			s.restore = restoring{backup: backup}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return y.system.BeginRestore(ctx, backup)
}

func (y restoresAnything) BeginRestore(ctx context.Context, backup crm.ID) (int64, error) {
	now, err := y.Restoring(ctx)
	if err == nil && now.IsZero() {
		return 0, y.m.write(ctx, func(s *state) error {
			s.restore = restoring{backup: backup}
			return nil
		})
	}
	return y.system.BeginRestore(ctx, backup)
}

func (y restoreForgets) BeginRestore(ctx context.Context, backup crm.ID) (int64, error) {
	_, err := y.system.BeginRestore(ctx, backup)
	return 0, err
}

func (y restoreParts) InRestore(ctx context.Context, done int64, fn func(tx crm.Tx) error) error {
	if err := y.system.InRestore(ctx, done, func(crm.Tx) error { return nil }); err != nil {
		return err
	}
	return transactor{y.m}.InTx(ctx, fn)
}

func (restoreUnmarked) Restoring(context.Context) (crm.ID, error) { return crm.ID{}, nil }

func (restoreEndless) EndRestore(context.Context) error { return nil }

func (y restoreUnasked) InRestore(ctx context.Context, _ int64, fn func(tx crm.Tx) error) error {
	return transactor{y.m}.InTx(ctx, fn)
}

func restoreFaults() []fault {
	whole := func(name, red string, wrap func(y system) crm.SystemStore) fault {
		return fault{name: name, part: "restore", red: red, store: breakParts(func(m *memStore, p *parts) { p.SystemStore = wrap(system{m}) })}
	}
	return []fault{
		whole("a restore takes the place of another", "noted_from_its_begin", func(y system) crm.SystemStore { return restoresAnywhere{y} }),
		whole("a restore goes over what is there", "takes_no_restore", func(y system) crm.SystemStore { return restoresAnything{y} }),
		whole("a restore forgets how far it came", "noted_together", func(y system) crm.SystemStore { return restoreForgets{y} }),
		whole("a step is noted before it is written", "noted_together", func(y system) crm.SystemStore { return restoreParts{y} }),
		whole("nobody sees a restore", "noted_from_its_begin", func(y system) crm.SystemStore { return restoreUnmarked{y} }),
		whole("a restore does not end", "noted_from_its_begin", func(y system) crm.SystemStore { return restoreEndless{y} }),
		whole("a step needs no restore", "noted_together|noted_from_its_begin", func(y system) crm.SystemStore { return restoreUnasked{y} }),
	}
}
