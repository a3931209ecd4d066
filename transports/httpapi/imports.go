package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"mime"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// importRecord is an import in JSON.
type importRecord struct {
	ID          crm.ID             `json:"id"`
	Format      string             `json:"format"`
	FileName    string             `json:"fileName"`
	Size        int64              `json:"size" doc:"Bytes."`
	Encoding    string             `json:"encoding" doc:"How the text is read: utf-8, utf-16le, utf-16be or windows-1252."`
	Status      crm.ImportStatus   `json:"status"`
	Mapping     []crm.ImportColumn `json:"mapping" doc:"Empty for formats without columns."`
	OnDuplicate crm.OnDuplicate    `json:"onDuplicate"`
	Counts      crm.ImportCounts   `json:"counts" doc:"Until a commit begins what would happen, from then on what was written."`
	JobID       *crm.ID            `json:"jobId" nullable:"true"`
	KeptEdited  int64              `json:"keptEdited" doc:"After an undo, the contacts that stayed because someone edited or used them since: the rows with the outcome kept."`
	Error       *string            `json:"error" doc:"Why the import failed."`
	CreatedAt   time.Time          `json:"createdAt"`
	UpdatedAt   time.Time          `json:"updatedAt"`
	Version     int64              `json:"version"`
}

type importRowRecord struct {
	Row           int64            `json:"row" doc:"The number of the record in the file, from 1."`
	Outcome       crm.RowOutcome   `json:"outcome"`
	ContactID     *crm.ID          `json:"contactId" nullable:"true"`
	InteractionID *crm.ID          `json:"interactionId" nullable:"true" doc:"What the row is where it is no contact."`
	Candidates    []crm.ID         `json:"candidates" doc:"Who an ambiguous row could be."`
	Problems      []crm.FieldError `json:"problems"`
	Kept          []string         `json:"kept" doc:"The values without a field of ours that went to custom fields or notes."`
	Dropped       []string         `json:"dropped" doc:"The values that no contact can hold, such as pictures."`
}

// commitInput is the body of POST /imports/{id}/commit.
type commitInput struct {
	Mapping     []columnInput   `json:"mapping,omitempty" maxItems:"1000" doc:"Default the guessed one."`
	OnDuplicate crm.OnDuplicate `json:"onDuplicate,omitempty" doc:"Default update."`
}

// columnInput maps a column; the sample is accepted so that what was read can
// be sent back.
type columnInput struct {
	Column string `json:"column" maxLength:"1000"`
	Target string `json:"target" maxLength:"200" doc:"A field such as displayName, emails[0].address, tags or fields.<key>; ignore drops the column, an empty text keeps it in custom fields."`
	Sample string `json:"sample,omitempty"`
}

func columnsOf(list []columnInput) []crm.ImportColumn {
	if list == nil {
		return nil
	}
	out := make([]crm.ImportColumn, len(list))
	for i, col := range list {
		out[i] = crm.ImportColumn{Column: col.Column, Target: col.Target}
	}
	return out
}

func importRecordOf(i crm.Import) importRecord {
	r := importRecord{
		ID: i.ID, Format: i.Format, FileName: i.FileName, Size: i.Size, Encoding: i.Encoding, Status: i.Status, Mapping: orEmpty(i.Mapping),
		OnDuplicate: i.OnDuplicate, Counts: i.Counts, JobID: idOrNull(i.JobID), KeptEdited: i.KeptEdited,
		CreatedAt: i.CreatedAt, UpdatedAt: i.UpdatedAt, Version: i.Version,
	}
	if r.OnDuplicate == "" {
		r.OnDuplicate = crm.DuplicateUpdate
	}
	if i.ErrorText != "" {
		r.Error = &i.ErrorText
	}
	return r
}

// parseMapping reads a mapping that stands in a form or a query, by the rules
// of a body.
func (h *Handler) parseMapping(text string) ([]crm.ImportColumn, error) {
	tree, err := parseJSON([]byte(text))
	if err == nil {
		schema := h.registry.Schema(typeOf[commitInput](), false, "").Properties["mapping"]
		err = checkSchema(h.registry, schema, tree, "mapping")
	}
	if err != nil {
		return nil, inMapping(err)
	}
	var list []columnInput
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		return nil, crm.Invalid("mapping", crm.CodeInvalid, `must be JSON such as [{"column":"Name","target":"displayName"}]`)
	}
	return columnsOf(list), nil
}

// inMapping names the parameter where the parser could not.
func inMapping(err error) error {
	var invalid *crm.ValidationError
	if !errors.As(err, &invalid) {
		return err
	}
	fields := make([]crm.FieldError, len(invalid.Fields))
	for i, f := range invalid.Fields {
		switch {
		case f.Field == "body":
			f.Field = "mapping"
		case strings.HasPrefix(f.Field, "["):
			f.Field = "mapping" + f.Field
		}
		fields[i] = f
	}
	return &crm.ValidationError{Fields: fields}
}

// createImport stores the file and waits a while for its dry run.
func (h *Handler) createImport(c *call) error {
	if err := c.actor.Authorize(crm.PermImport); err != nil { // Before a gigabyte is read.
		return fmt.Errorf("create import: %w", err)
	}
	u, err := c.openUpload()
	if err != nil {
		return err
	}
	body, done, err := c.spoolKeyed(u)
	if done || err != nil {
		return err
	}
	defer body.Close() //nolint:errcheck // A file that was only read.
	created, err := h.app.Imports.Create(c.r.Context(), c.actor, crm.NewImport{
		Format: u.format, FileName: u.fileName, Body: body, LateOptions: func() crm.ImportOptions { return crm.ImportOptions{Mapping: u.mapping, OnDuplicate: u.onDuplicate} },
	})
	if err != nil {
		return err
	}
	if created, err = h.preview(c, created.ID); err != nil {
		return err
	}
	c.remember(created.ID, nil)
	return c.writeCreated(c.link("imports", created.ID.String()), created.Version, importRecordOf(created))
}

// preview waits a while for a dry run, which else is left to a job.
func (h *Handler) preview(c *call, id crm.ID) (crm.Import, error) {
	ctx, cancel := context.WithTimeout(c.r.Context(), h.options.PreviewWait)
	defer cancel()
	return h.app.Imports.Preview(ctx, c.actor, id, crm.ImportOptions{})
}

// replayImport answers with the import of an earlier answer. One whose process
// died in the dry run has nobody who would do that any more: it is done now.
func (h *Handler) replayImport(c *call, saved *crm.SavedAnswer) error {
	one, err := h.app.Imports.Get(c.r.Context(), c.actor, saved.Record)
	if err == nil && one.Status == crm.ImportPreviewing && one.JobID.IsZero() {
		one, err = h.preview(c, one.ID)
	}
	if err != nil {
		return err
	}
	return c.writeRecord(saved.Status, one.Version, importRecordOf(one))
}

// spoolKeyed returns the file as it comes in or, for a request with an
// Idempotency-Key, from a temporary file: whether it is the same request is
// known only when the file has been read.
func (c *call) spoolKeyed(u *upload) (body io.ReadCloser, done bool, err error) {
	key, err := c.idempotencyKey()
	if key == "" || err != nil {
		return io.NopCloser(u), false, err
	}
	file, err := os.CreateTemp("", "omnicrm-upload-*")
	if err != nil {
		return nil, false, fmt.Errorf("spool upload: %w", err)
	}
	os.Remove(file.Name()) //nolint:errcheck // Where that works, not even a killed process leaves it; else Close removes it.
	spooled := &temporaryFile{file}
	content := sha256.New()
	if _, err := io.Copy(io.MultiWriter(file, content), u); err != nil {
		_ = spooled.Close()
		return nil, false, fmt.Errorf("spool upload: %w", err)
	}
	done, err = c.reserve(key, c.digestUpload(u, content))
	if err == nil && !done {
		_, err = file.Seek(0, io.SeekStart)
	}
	if done || err != nil {
		_ = spooled.Close()
		return nil, done, err
	}
	return spooled, false, nil
}

// digestUpload covers the file and what was said about it, and not the form
// around it: a client that tries again makes a new boundary.
func (c *call) digestUpload(u *upload, content hash.Hash) hash.Hash {
	digest := sha256.New()
	c.digestRequest(digest)
	_ = json.NewEncoder(digest).Encode([]any{u.format, u.fileName, u.onDuplicate, u.mapping, content.Sum(nil)}) // A hash takes everything.
	return digest
}

// temporaryFile is removed when it is closed.
type temporaryFile struct{ *os.File }

// Close closes and removes the file.
func (f *temporaryFile) Close() error {
	err := f.File.Close()
	if gone := os.Remove(f.Name()); !errors.Is(gone, os.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	return err
}

func (h *Handler) listImports(c *call) error {
	before, err := c.cursorID(cursorImports)
	if err != nil {
		return err
	}
	limit := c.number("pageSize", crm.DefaultPageSize)
	imports, err := h.app.Imports.List(c.r.Context(), c.actor, before, min(limit+1, crm.MaxPageSize))
	if err != nil {
		return err
	}
	total, err := h.app.Imports.Count(c.r.Context(), c.actor)
	if err != nil {
		return err
	}
	next := ""
	if len(imports) > limit || len(imports) == crm.MaxPageSize {
		imports = imports[:limit]
		next = makeCursor(cursorImports, imports[limit-1].ID.String())
	}
	items := make([]importRecord, len(imports))
	for i, one := range imports {
		items[i] = importRecordOf(one)
	}
	return c.writeJSON(http.StatusOK, countedPage(items, next, total))
}

func (h *Handler) getImport(c *call) error {
	id, err := c.id("id")
	if err != nil {
		return err
	}
	one, err := h.app.Imports.Get(c.r.Context(), c.actor, id)
	if err != nil {
		return err
	}
	return c.writeRecord(http.StatusOK, one.Version, importRecordOf(one))
}

func (h *Handler) listImportRows(c *call) error {
	id, err := c.id("id")
	if err != nil {
		return err
	}
	var q crm.ImportRowQuery
	if outcome := c.query.Get("outcome"); outcome != "" {
		q.Outcomes = []crm.RowOutcome{crm.RowOutcome(outcome)}
	}
	if c.wantsCSV() {
		return h.writeReport(c, id, q)
	}
	after, err := c.cursorNumber(cursorRows)
	if err != nil {
		return err
	}
	limit := c.number("pageSize", crm.DefaultPageSize)
	q.After, q.Limit = after, limit+1
	rows, err := h.app.Imports.Rows(c.r.Context(), c.actor, id, q)
	if err != nil {
		return err
	}
	next := ""
	if len(rows) > limit {
		rows = rows[:limit]
		next = makeCursor(cursorRows, strconv.FormatInt(rows[limit-1].Row, 10))
	}
	return c.writeJSON(http.StatusOK, pageOf(c, rowRecordsOf(rows), next))
}

func rowRecordsOf(rows []crm.ImportRow) []importRowRecord {
	items := make([]importRowRecord, len(rows))
	for i, r := range rows {
		items[i] = importRowRecord{
			Row: r.Row, Outcome: r.Outcome, ContactID: idOrNull(r.Contact), InteractionID: idOrNull(r.Interaction), Candidates: orEmpty(r.Candidates),
			Problems: orEmpty(r.Problems), Kept: orEmpty(r.Kept), Dropped: orEmpty(r.Dropped),
		}
	}
	return items
}

const mediaCSV = "text/csv"

func (c *call) wantsCSV() bool {
	if format := c.query.Get("format"); format != "" {
		return format == "csv"
	}
	accept := strings.Join(c.r.Header.Values("Accept"), ",")
	return acceptance(accept, mediaCSV) > acceptance(accept, mediaJSON)
}

// writeReport sends the rows as CSV, all of them at once.
func (h *Handler) writeReport(c *call, id crm.ID, q crm.ImportRowQuery) error {
	for _, name := range []string{"cursor", "pageSize"} {
		if c.query.Has(name) {
			return &placeError{code: codeInvalidQuery, err: crm.Invalid(name, crm.CodeInvalid,
				"does not go with the CSV report, which holds every row, or every one with the outcome; leave it out")}
		}
	}
	header := c.w.Header()
	header.Set("Content-Type", mediaCSV+"; charset=utf-8")
	header.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": "import-" + id.String() + ".csv"}))
	var to io.Writer = c.w
	if c.r.Method == http.MethodHead {
		to = io.Discard
	}
	if err := h.app.Imports.WriteReport(c.r.Context(), c.actor, id, q, to); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	c.w.WriteHeader(http.StatusOK)
	return nil
}

func (h *Handler) commitImport(c *call) error {
	id, err := c.id("id")
	if err != nil {
		return err
	}
	in, err := decode[commitInput](c)
	if err != nil {
		return err
	}
	version, err := c.expected(c.importVersion(id))
	if err != nil {
		return err
	}
	_, job, err := h.app.Imports.Commit(c.r.Context(), c.actor, id, version, crm.ImportOptions{Mapping: columnsOf(in.Mapping), OnDuplicate: in.OnDuplicate})
	if err != nil {
		return err
	}
	return c.acceptJob(job)
}

func (h *Handler) undoImport(c *call) error {
	id, err := c.id("id")
	if err != nil {
		return err
	}
	version, err := c.expected(c.importVersion(id))
	if err != nil {
		return err
	}
	_, job, err := h.app.Imports.Undo(c.r.Context(), c.actor, id, version)
	if err != nil {
		return err
	}
	return c.acceptJob(job)
}

func (c *call) importVersion(id crm.ID) func() (int64, error) {
	return func() (int64, error) {
		one, err := c.h.app.Imports.Get(c.r.Context(), c.reader(), id)
		return one.Version, err
	}
}
