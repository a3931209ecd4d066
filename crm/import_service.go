package crm

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"slices"
	"strings"
)

// sniffBytes is how much of a file its format is told from.
const sniffBytes = 4 << 10

// ImportService brings files in: create, preview, commit, undo.
type ImportService struct {
	core   *core
	runner *jobRunner
}

func newImportService(k *core) *ImportService {
	s := &ImportService{core: k}
	k.undoImport = s.Undo
	k.importEnded = s.ended
	return s
}

// NewImport is a file to import.
type NewImport struct {
	// Format is a name of [CRM.Formats]; "" is told from the content.
	Format   string
	FileName string
	Body     io.Reader
}

// ImportOptions are the choices of a preview or commit. Zero values keep what
// the import has.
type ImportOptions struct {
	Mapping     []ImportColumn
	OnDuplicate OnDuplicate
}

// Create stores the file, tells its format and guesses the mapping of its
// columns. Nothing is imported yet: see Preview and Commit. A file that no
// format reads is a *ValidationError of field "file".
func (s *ImportService) Create(ctx context.Context, actor Actor, in NewImport) (Import, error) {
	if err := actor.Authorize(PermImport); err != nil {
		return Import{}, fmt.Errorf("create import: %w", err)
	}
	if err := s.core.workspaces.ensure(ctx, actor.Workspace); err != nil {
		return Import{}, fmt.Errorf("create import: %w", err)
	}
	i, err := s.upload(ctx, actor, in)
	if err != nil {
		return Import{}, fmt.Errorf("create import: %w", err)
	}
	err = s.core.store.InTx(ctx, func(tx Tx) error { return s.insert(ctx, tx, actor, i) })
	if err != nil {
		return Import{}, errors.Join(fmt.Errorf("create import: %w", err), s.removeFile(ctx, i, actor.Workspace))
	}
	return i, nil
}

func (s *ImportService) insert(ctx context.Context, tx Tx, actor Actor, i Import) error {
	if err := tx.PutImport(ctx, actor.Workspace, i, 0); err != nil {
		return err
	}
	return tx.AppendEvents(ctx, actor.Workspace, []Event{s.event(EventImportCreated, actor, i)})
}

func (s *ImportService) event(t EventType, actor Actor, i Import) Event {
	return Event{
		ID: s.core.newID(), Type: t, At: s.core.now(), Actor: actor.ref(), Subject: Subject{Kind: "import", ID: i.ID},
		Version: i.Version, Batch: i.ID,
	}
}

// upload stores the file as a blob and reads its beginning.
func (s *ImportService) upload(ctx context.Context, actor Actor, in NewImport) (Import, error) {
	now := s.core.now()
	i := Import{
		ID: s.core.newID(), Format: in.Format, FileName: cleanFileName(in.FileName),
		Status: ImportPreviewing, OnDuplicate: DuplicateUpdate, Blob: s.core.newID(),
		Actor:     JobActor{User: actor.User, Role: actor.Role, Scopes: actor.Scopes, Kind: actor.Kind},
		CreatedAt: now, UpdatedAt: now, Version: 1,
	}
	if in.Format != "" {
		if _, err := s.core.format(in.Format); err != nil {
			return i, err
		}
	}
	if in.Body == nil {
		return i, Invalid("file", CodeRequired, "must be given")
	}
	sum := sha256.New()
	var err error
	if i.Size, err = s.core.blobs.PutBlob(ctx, actor.Workspace, i.Blob, io.TeeReader(in.Body, sum)); err != nil {
		return i, fmt.Errorf("store the file: %w", err)
	}
	i.Digest = hex.EncodeToString(sum.Sum(nil))
	if err := s.sniff(ctx, actor.Workspace, &i, in.FileName); err != nil {
		return i, errors.Join(err, s.removeFile(ctx, i, actor.Workspace))
	}
	return i, nil
}

// cleanFileName keeps the last part of a path, to be shown.
func cleanFileName(name string) string {
	var p problems
	name = p.line("fileName", strings.ReplaceAll(strings.ToValidUTF8(name, ""), "\x00", ""), math.MaxInt)
	if name != "" {
		name = path.Base(strings.ReplaceAll(name, `\`, "/"))
	}
	return cutRunes(name, MaxShortText)
}

func (s *ImportService) removeFile(ctx context.Context, i Import, ws WorkspaceID) error {
	return s.core.blobs.DeleteBlob(context.WithoutCancel(ctx), ws, i.Blob)
}

// sniff tells the format and guesses the mapping.
func (s *ImportService) sniff(ctx context.Context, ws WorkspaceID, i *Import, fileName string) error {
	file, err := s.core.blobs.OpenBlob(ctx, ws, i.Blob, 0)
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // Nothing was written.
	head := make([]byte, sniffBytes)
	n, err := io.ReadFull(file, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("read the file: %w", err)
	}
	head = head[:n]
	if len(bytes.TrimSpace(head)) == 0 {
		return Invalid("file", CodeInvalid, "must not be empty")
	}
	if i.Format == "" {
		if i.Format, err = s.core.guessFormat(head, fileName); err != nil {
			return err
		}
	}
	format, err := s.core.format(i.Format)
	if err != nil {
		return err
	}
	reader, err := format.NewReader(io.MultiReader(bytes.NewReader(head), file), ReadOptions{})
	if err != nil {
		return err
	}
	i.Mapping = reader.Columns()
	return nil
}

func (k *core) format(name string) (Format, error) {
	var names []string
	for _, f := range k.formats {
		if f.FormatName() == name {
			return f, nil
		}
		names = append(names, f.FormatName())
	}
	return nil, Invalid("format", CodeUnknown, "must be one of "+strings.Join(names, ", "))
}

// guessFormat asks each format; where several say yes, the file's extension
// decides, and then the more particular format: CSV takes any text. Where none
// does, as with a CSV of one column, the extension decides alone: the format's
// reader says what is wrong with the content.
func (k *core) guessFormat(head []byte, fileName string) (string, error) {
	var fit []string
	var named string
	for _, f := range k.formats {
		if strings.EqualFold(path.Ext(fileName), f.Extension()) {
			named = f.FormatName()
		}
		if f.LooksLike(head) {
			fit = append(fit, f.FormatName())
		}
	}
	switch {
	case named != "" && (len(fit) == 0 || slices.Contains(fit, named)):
		return named, nil
	case len(fit) == 0:
		return "", Invalid("file", CodeInvalid, "is in no format known here; give a CSV, vCard or JSON lines file, and name the format if it is one")
	}
	slices.SortStableFunc(fit, func(a, b string) int { return boolOrder(a == "csv") - boolOrder(b == "csv") })
	return fit[0], nil
}

func boolOrder(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Get returns an import.
func (s *ImportService) Get(ctx context.Context, actor Actor, id ID) (Import, error) {
	if err := actor.Authorize(PermImport); err != nil {
		return Import{}, fmt.Errorf("get import: %w", err)
	}
	i, err := s.core.store.GetImport(ctx, actor.Workspace, id)
	if err != nil {
		return Import{}, fmt.Errorf("get import %s: %w", id, err)
	}
	return i, nil
}

// List returns up to limit imports older than before, newest first.
func (s *ImportService) List(ctx context.Context, actor Actor, before ID, limit int) ([]Import, error) {
	if err := actor.Authorize(PermImport); err != nil {
		return nil, fmt.Errorf("list imports: %w", err)
	}
	if limit < 1 || limit > MaxPageSize {
		return nil, fmt.Errorf("list imports: %w", Invalid("limit", CodeInvalid, "must be 1 to 200"))
	}
	list, err := s.core.store.ListImports(ctx, actor.Workspace, before, limit)
	if err != nil {
		return nil, fmt.Errorf("list imports: %w", err)
	}
	return list, nil
}

// Rows returns what became of the records, by number.
func (s *ImportService) Rows(ctx context.Context, actor Actor, id ID, q ImportRowQuery) ([]ImportRow, error) {
	if _, err := s.Get(ctx, actor, id); err != nil {
		return nil, err
	}
	var p problems
	for _, o := range q.Outcomes {
		if !slices.Contains(RowOutcomes(), o) {
			p.add("outcome", CodeUnknown, "must be created, updated, unchanged, ambiguous or problem")
		}
	}
	if q.Limit < 1 || q.Limit > MaxBatch {
		p.add("limit", CodeInvalid, "must be 1 to 1000")
	}
	if q.After < 0 {
		p.add("cursor", CodeInvalid, "must be a nextCursor of an earlier answer")
	}
	if err := p.err(); err != nil {
		return nil, fmt.Errorf("list rows: %w", err)
	}
	rows, err := s.core.store.ListImportRows(ctx, actor.Workspace, id, q)
	if err != nil {
		return nil, fmt.Errorf("list rows of import %s: %w", id, err)
	}
	return rows, nil
}

// importPayload is the input of an import's job.
type importPayload struct {
	Import ID          `json:"import"`
	Phase  importPhase `json:"phase"`
}

type importPhase string

const (
	phasePreview importPhase = "preview"
	phaseCommit  importPhase = "commit"
	phaseUndo    importPhase = "undo"
)

// Commit starts the import as a job. An import that failed or was cancelled
// goes on where it stopped.
func (s *ImportService) Commit(ctx context.Context, actor Actor, id ID, o ImportOptions) (Import, Job, error) {
	if err := actor.Authorize(PermImport); err != nil {
		return Import{}, Job{}, fmt.Errorf("commit import: %w", err)
	}
	i, j, err := s.startJob(ctx, actor, id, phaseCommit, ID{}, func(i *Import) error {
		switch i.Status {
		case ImportPreviewing, ImportReady, ImportFailed:
		default:
			return stateError(i.ID, "the import is "+string(i.Status)+" already")
		}
		if i.Blob.IsZero() {
			return stateError(i.ID, "the file is gone since the import was committed; import it again")
		}
		if i.Checkpoint > 0 && (len(o.Mapping) > 0 || o.OnDuplicate != "" && o.OnDuplicate != i.OnDuplicate) {
			return stateError(i.ID, "the import has begun; its mapping cannot change any more")
		}
		i.Status = ImportCommitting
		return s.choose(i, o)
	})
	if err != nil {
		return Import{}, Job{}, fmt.Errorf("commit import %s: %w", id, err)
	}
	s.core.jobs.dispatch(ctx, j)
	return i, j, nil
}

// Undo takes a finished import back as a job. Contacts that the import made
// and someone edited since stay; see the job's result.
func (s *ImportService) Undo(ctx context.Context, actor Actor, id ID) (Import, Job, error) {
	if err := actor.Authorize(PermImport); err != nil {
		return Import{}, Job{}, fmt.Errorf("undo import: %w", err)
	}
	i, j, err := s.startJob(ctx, actor, id, phaseUndo, ID{}, func(i *Import) error {
		if i.Status != ImportCommitted && i.Status != ImportFailed {
			return stateError(i.ID, "only a finished import can be undone; this one is "+string(i.Status))
		}
		if i.Actor.User != actor.User && !actor.May(PermJobsAll) {
			return fmt.Errorf("undo of another's import needs the role admin: %w", ErrForbidden)
		}
		i.Status, i.Checkpoint = ImportUndoing, 0 // A commit after a cancelled undo begins anew.
		return nil
	})
	if err != nil {
		return Import{}, Job{}, fmt.Errorf("undo import %s: %w", id, err)
	}
	s.core.jobs.dispatch(ctx, j)
	return i, j, nil
}

func stateError(id ID, message string) error {
	return &ConflictError{Reason: ConflictState, ID: id, Message: message}
}

// choose takes the caller's options over into the import.
func (s *ImportService) choose(i *Import, o ImportOptions) error {
	if len(o.Mapping) > 0 {
		i.Mapping = o.Mapping
	}
	switch o.OnDuplicate {
	case "":
	case DuplicateUpdate, DuplicateSkip, DuplicateCreate:
		i.OnDuplicate = o.OnDuplicate
	default:
		return Invalid("onDuplicate", CodeUnknown, "must be update, skip or create")
	}
	if len(o.Mapping) == 0 {
		return nil
	}
	format, err := s.core.format(i.Format)
	if err != nil {
		return err
	}
	return checkMapping(format, i.Mapping)
}

// checkMapping lets the format look at a mapping before any job begins. The
// file is not needed: its header is the mapping's own columns.
func checkMapping(f Format, mapping []ImportColumn) error {
	if f.FormatName() != "csv" {
		return nil
	}
	var header bytes.Buffer
	w := csv.NewWriter(&header)
	names := make([]string, len(mapping))
	for i, m := range mapping {
		names[i] = m.Column
	}
	if err := w.Write(names); err != nil {
		return Invalid("mapping", CodeInvalid, "must name the columns of the file")
	}
	w.Flush()
	_, err := f.NewReader(&header, ReadOptions{Mapping: mapping})
	return err
}

// startJob changes the import and adds the job for it in one transaction. With
// a lease the job belongs to this process from the start.
func (s *ImportService) startJob(ctx context.Context, actor Actor, id ID, phase importPhase, lease ID, change func(*Import) error) (Import, Job, error) {
	var i Import
	j, err := s.core.jobs.newJob(actor, JobContactImport, id, importPayload{id, phase})
	if err != nil {
		return i, j, err
	}
	j.Batch = id
	if !lease.IsZero() {
		j.Status, j.Lease, j.Attempt, j.StartedAt = JobRunning, lease, 1, j.CreatedAt
	}
	err = s.core.store.InTx(ctx, func(tx Tx) error {
		var err error
		if i, err = tx.GetImport(ctx, actor.Workspace, id); err != nil {
			return err
		}
		expect := i.Version
		if err := change(&i); err != nil {
			return err
		}
		if j.Total = i.Size; phase == phaseUndo {
			j.Total = i.Counts.Created + i.Counts.Updated
		}
		i.JobID, i.UpdatedAt, i.Version = j.ID, s.core.now(), i.Version+1
		if err := tx.PutImport(ctx, actor.Workspace, i, expect); err != nil {
			return err
		}
		return s.core.jobs.put(ctx, tx, actor, j)
	})
	return i, j, err
}

// ended notes on the import that its job failed or was cancelled.
func (s *ImportService) ended(ctx context.Context, j Job) {
	err := s.core.store.InTx(ctx, func(tx Tx) error {
		i, err := tx.GetImport(ctx, j.Workspace, j.Subject)
		if err != nil || i.JobID != j.ID {
			return err
		}
		expect := i.Version
		i.Status, i.ErrorText = ImportFailed, j.ErrorText
		if j.Status == JobCancelled {
			i.ErrorText = "cancelled; commit it again to go on, or undo what was imported"
		}
		i.UpdatedAt, i.Version = s.core.now(), i.Version+1
		return tx.PutImport(ctx, j.Workspace, i, expect)
	})
	if err != nil && !errors.Is(err, ErrNotFound) {
		s.core.log.Error("end of an import not noted", "import", j.Subject, "error", err)
	}
}

// afterJobCancelled tells the owner of a job's subject that it ended early.
func (k *core) afterJobCancelled(ctx context.Context, j Job) {
	if j.Kind == JobContactImport && k.importEnded != nil {
		k.importEnded(ctx, j)
	}
}

// runJob is the handler of import jobs.
func (s *ImportService) runJob(ctx context.Context, run *jobRun) error {
	var p importPayload
	if err := run.payload(&p); err != nil {
		return err
	}
	i, err := s.core.store.GetImport(ctx, run.Job.Workspace, p.Import)
	if err != nil {
		return fmt.Errorf("get import: %w", err)
	}
	if i.JobID != run.Job.ID { // A retry by hand, after something else was done with the import.
		return Invalid("job", CodeInvalid, "is over: the import has gone on with another one")
	}
	switch p.Phase {
	case phasePreview:
		_, err := s.preview(ctx, run.actor(), i, nil)
		return err
	case phaseUndo:
		return s.core.runUndo(ctx, run, i.ID, func(ctx context.Context, tx Tx, kept int64) error {
			return s.undone(ctx, tx, run, i.ID, kept)
		})
	}
	return s.commit(ctx, run, i)
}

func (s *ImportService) undone(ctx context.Context, tx Tx, run *jobRun, id ID, kept int64) error {
	i, err := tx.GetImport(ctx, run.Job.Workspace, id)
	if err != nil {
		return err
	}
	expect := i.Version
	i.Status, i.KeptEdited, i.Checkpoint, i.ErrorText = ImportUndone, kept, 0, ""
	i.UpdatedAt, i.Version = s.core.now(), i.Version+1
	if err := tx.PutImport(ctx, run.Job.Workspace, i, expect); err != nil {
		return err
	}
	return tx.AppendEvents(ctx, run.Job.Workspace, []Event{s.event(EventImportUndone, run.actor(), i)})
}

// Preview runs the import without writing contacts and answers what it would
// do. It runs inline; when ctx has a deadline that the file does not meet, a
// job goes on with it and the import is still previewing.
func (s *ImportService) Preview(ctx context.Context, actor Actor, id ID, o ImportOptions) (Import, error) {
	i, err := s.Get(ctx, actor, id)
	if err != nil {
		return Import{}, err
	}
	if i.Status != ImportPreviewing && i.Status != ImportReady {
		return Import{}, fmt.Errorf("preview import %s: %w", id, stateError(id, "the import is "+string(i.Status)+" already"))
	}
	if err := s.choose(&i, o); err != nil {
		return Import{}, fmt.Errorf("preview import %s: %w", id, err)
	}
	done, err := s.preview(ctx, actor, i, nil)
	if errors.Is(err, context.DeadlineExceeded) {
		return s.previewLater(context.WithoutCancel(ctx), actor, id, i)
	}
	if err != nil {
		return Import{}, fmt.Errorf("preview import %s: %w", id, err)
	}
	return done, nil
}

func (s *ImportService) previewLater(ctx context.Context, actor Actor, id ID, chosen Import) (Import, error) {
	ctx, cancel := context.WithTimeout(ctx, finishPatience)
	defer cancel()
	i, j, err := s.startJob(ctx, actor, id, phasePreview, ID{}, func(i *Import) error {
		i.Status, i.Mapping, i.OnDuplicate = ImportPreviewing, chosen.Mapping, chosen.OnDuplicate
		return nil
	})
	if err != nil {
		return Import{}, fmt.Errorf("preview import %s: %w", id, err)
	}
	s.core.jobs.dispatch(ctx, j)
	return i, nil
}
