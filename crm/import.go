package crm

import (
	"context"
	"io"
	"slices"
	"time"
)

// ImportStatus is where an import stands.
type ImportStatus string

// The states of an import.
const (
	ImportPreviewing ImportStatus = "previewing"
	ImportReady      ImportStatus = "ready"
	ImportCommitting ImportStatus = "committing"
	ImportCommitted  ImportStatus = "committed"
	ImportFailed     ImportStatus = "failed"
	ImportUndoing    ImportStatus = "undoing"
	ImportUndone     ImportStatus = "undone"
)

// OnDuplicate says what an import does with a row that matches a contact.
type OnDuplicate string

// The ways to treat a match.
const (
	// DuplicateUpdate replaces by non-blank scalars, unites lists and removes
	// nothing. The default.
	DuplicateUpdate OnDuplicate = "update"
	// DuplicateSkip leaves the contact as it is; the row is unchanged.
	DuplicateSkip OnDuplicate = "skip"
	// DuplicateCreate makes another contact, also for ambiguous rows.
	DuplicateCreate OnDuplicate = "create"
)

// RowOutcome is what became of one row.
type RowOutcome string

// The outcomes.
const (
	RowCreated   RowOutcome = "created"
	RowUpdated   RowOutcome = "updated"
	RowUnchanged RowOutcome = "unchanged"
	RowAmbiguous RowOutcome = "ambiguous"
	RowProblem   RowOutcome = "problem"
	// RowKept: the import wrote the contact, and its undo left it, wholly or in
	// part, because somebody edited or used it since. Problems say what stays.
	RowKept RowOutcome = "kept"
)

// RowOutcomes lists the outcomes.
func RowOutcomes() []RowOutcome {
	return []RowOutcome{RowCreated, RowUpdated, RowUnchanged, RowAmbiguous, RowProblem, RowKept}
}

// ImportCounts are the figures of an import: those of the dry run until a commit
// begins, from then on those of what is written. Rows is the sum of the outcomes;
// an undo does not change them.
type ImportCounts struct {
	Rows      int64 `json:"rows"`
	Created   int64 `json:"created"`
	Updated   int64 `json:"updated"`
	Unchanged int64 `json:"unchanged"`
	Ambiguous int64 `json:"ambiguous"`
	Problems  int64 `json:"problems"`
	// Kept counts the values that had no field of ours and were kept in custom
	// fields or notes.
	Kept int64 `json:"kept"`
	// Dropped counts the values that no contact can hold: pictures, text beyond
	// what custom fields and notes take, a source id that is another's.
	Dropped int64 `json:"dropped"`
}

// ImportColumn maps one column of a file.
type ImportColumn struct {
	// Column is the header as it stands in the file.
	Column string `json:"column"`
	// Target is a field path such as "displayName", "emails[0].address",
	// "addresses[0].city", "tags", "fields.<key>"; "ignore" drops the column;
	// "" keeps its values in custom fields.
	Target string `json:"target"`
	// Sample is a value from the first rows, while the import has its file:
	// afterwards it is gone with it.
	Sample string `json:"sample"`
}

// Import is one file on its way in.
type Import struct {
	ID       ID
	Format   string
	FileName string
	// Size of the file in bytes, Digest the SHA-256 of its content in
	// hexadecimal.
	Size   int64
	Digest string
	// Encoding is how the file's text is read, see [ContactReader].
	Encoding    string
	Status      ImportStatus
	Mapping     []ImportColumn
	OnDuplicate OnDuplicate
	Counts      ImportCounts
	// Blob is the file; zero when the file lies elsewhere (the command line
	// imports from a path) or has been removed.
	Blob  ID
	JobID ID
	// Checkpoint is the number of the file's records that are done.
	Checkpoint int64
	ErrorText  string
	// KeptEdited says, after an undo, how many contacts stayed because someone
	// edited or used them since: their rows have the outcome RowKept.
	KeptEdited int64
	Actor      JobActor
	CreatedAt  time.Time
	UpdatedAt  time.Time
	Version    int64
}

// forgetSamples drops what people's data the mapping shows: it helps to choose
// the columns, and an erase does not look here.
func (i *Import) forgetSamples() {
	i.Mapping = slices.Clone(i.Mapping)
	for n := range i.Mapping {
		i.Mapping[n].Sample = ""
	}
}

// ImportRow is what became of one record of the file.
type ImportRow struct {
	// Row is the 1-based number of the record, headers not counted.
	Row     int64
	Outcome RowOutcome
	Contact ID
	// Interaction is what the record is where it is no contact.
	Interaction ID
	Candidates  []ID
	Problems    []FieldError
	// Kept are the names of the values that went to custom fields or notes,
	// Dropped those of the values that no contact can hold.
	Kept    []string
	Dropped []string
}

// NotAsItStood reports whether the row was not written as it stands in the
// file: it is ambiguous or a problem, or has problems, kept or dropped values.
func (r ImportRow) NotAsItStood() bool {
	return r.Outcome == RowAmbiguous || r.Outcome == RowProblem || len(r.Problems)+len(r.Kept)+len(r.Dropped) > 0
}

// ImportRowQuery asks for a page of rows.
type ImportRowQuery struct {
	// Outcomes: one of them; none means all.
	Outcomes []RowOutcome
	// NotAsItStood keeps to rows that say so of themselves, see
	// [ImportRow].NotAsItStood.
	NotAsItStood bool
	// After keeps to rows with a higher number.
	After int64
	Limit int
}

// ImportQuery lists imports, newest first.
type ImportQuery struct {
	// User, when not zero, keeps to the imports that this user made.
	User ID
	// Before, when not zero, keeps to ids that sort before it.
	Before ID
	Limit  int
}

// ImportStore keeps imports and the outcome of their rows.
type ImportStore interface {
	// PutImport inserts i when expect is 0, else replaces the row whose
	// version is expect; ConflictStale otherwise.
	PutImport(ctx context.Context, ws WorkspaceID, i Import, expect int64) error
	// GetImport returns the import, or ErrNotFound.
	GetImport(ctx context.Context, ws WorkspaceID, id ID) (Import, error)
	// ListImports returns a page, newest (highest id) first.
	ListImports(ctx context.Context, ws WorkspaceID, q ImportQuery) ([]Import, error)
	// CountImports returns how many imports ListImports has in all for the
	// user, the zero one meaning everybody.
	CountImports(ctx context.Context, ws WorkspaceID, user ID) (int, error)
	// PutImportRows writes outcomes; a row number that is there already is
	// replaced, and of a number that stands twice in the call the last stays.
	PutImportRows(ctx context.Context, ws WorkspaceID, id ID, rows []ImportRow) error
	// ListImportRows returns a page by row number.
	ListImportRows(ctx context.Context, ws WorkspaceID, id ID, q ImportRowQuery) ([]ImportRow, error)
	// DeleteImportRows removes all outcomes of an import.
	DeleteImportRows(ctx context.Context, ws WorkspaceID, id ID) error
}

// FingerprintMark ties the fingerprint of an imported row to its contact or
// interaction.
type FingerprintMark struct {
	Fingerprint Fingerprint
	// Contact is the id of the contact, or of the interaction.
	Contact ID
	// Batch is the import that wrote the mark.
	Batch ID
}

// FingerprintStore remembers the rows that were imported, so that the same
// file again changes nothing, even without keys.
type FingerprintStore interface {
	// FindFingerprints returns the marks it has of those asked for, in no
	// order. At most 5,000.
	FindFingerprints(ctx context.Context, ws WorkspaceID, prints []Fingerprint) ([]FingerprintMark, error)
	// PutFingerprints remembers marks; the first contact of a fingerprint stays.
	PutFingerprints(ctx context.Context, ws WorkspaceID, marks []FingerprintMark) error
	// DeleteFingerprints forgets the marks of the contacts or interactions: those
	// of one batch, or with a zero batch all. At most 1,000.
	DeleteFingerprints(ctx context.Context, ws WorkspaceID, contacts []ID, batch ID) error
}

// Format is a file format of contacts, read and written as a stream with
// constant memory. Implementations hold no state and are safe for parallel use.
type Format interface {
	// FormatName is the name in the API: csv, vcard, jsonl.
	FormatName() string
	// MediaType is the content type of an export, with its charset.
	MediaType() string
	// Extension of exported files, with the dot.
	Extension() string
	// LooksLike reports whether the first bytes of a file (up to 4 KB) are
	// probably of this format.
	LooksLike(head []byte) bool
	// NewReader starts to read. An input that is no file of this format is a
	// *ValidationError of field "file" that says what to do.
	NewReader(r io.Reader, o ReadOptions) (ContactReader, error)
	// NewWriter starts to write.
	NewWriter(w io.Writer) (ContactWriter, error)
}

// ReadOptions tells a format how to read.
type ReadOptions struct {
	// Mapping replaces the guessed one where the format has columns. Columns
	// are matched by name and, where names repeat, by order; an unknown column
	// or target is a *ValidationError of field "mapping[i]".
	Mapping []ImportColumn
	// MaxRecord bounds one record in bytes. Default 1 MiB; beyond it the
	// record is a problem row, not the end of the file.
	MaxRecord int
}

// ContactReader yields the records of a file.
type ContactReader interface {
	// Columns returns the columns with their mapping, guessed or given; nil
	// where the format has none.
	Columns() []ImportColumn
	// Encoding names how the text is read, in the words of IANA in lower case:
	// utf-8, utf-16le, utf-16be, windows-1252.
	Encoding() string
	// Next returns the next record, or io.EOF. A record that cannot be read is
	// a record with Problems, not an error; an error means that nothing more
	// can be read.
	Next() (ImportRecord, error)
}

// ImportRecord is one record of a file, before validation.
type ImportRecord struct {
	// Contact is what was read, not validated. Labels, names and lists as they
	// stand. Format readers never drop a value: what has no field goes to Extra.
	Contact NewContact
	// Interaction, when not nil, is what was read instead of a contact. Of an
	// interaction nothing goes to Extra: what has no field goes to Dropped.
	Interaction *NewInteraction
	// ID is the id that our own exports carry, or zero.
	ID ID
	// Extra holds values that have no field of ours, in the file's order.
	Extra []ExtraValue
	// Dropped names the values that cannot be kept, such as pictures.
	Dropped []string
	// Remarks say what of the record could not be taken as it stands although
	// it is imported, such as bytes outside of the encoding.
	Remarks []FieldError
	// Problems makes the row a problem row when it is not empty.
	Problems []FieldError
	// Raw identifies the content of the record for its fingerprint: equal
	// records give equal strings. It need not be readable.
	Raw []byte
}

// ExtraValue is a named value without a field of ours.
type ExtraValue struct {
	Name, Value string
}

// ContactWriter writes an export.
type ContactWriter interface {
	// WriteContact appends one contact.
	WriteContact(c Contact) error
	// Close writes what is buffered and the end of the file. It does not close
	// the underlying writer.
	Close() error
}
