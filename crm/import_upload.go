package crm

import (
	"bytes"
	"context"
	"crypto/sha256"
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

// NewImport is a file to import.
type NewImport struct {
	// Format is a name of [CRM.Formats]; "" is told from the content.
	Format   string
	FileName string
	Body     io.Reader
	// ImportOptions are held against the file at once; without a mapping it is
	// guessed.
	ImportOptions
	// LateOptions, when not nil, is called when Body has been read and replaces
	// ImportOptions: a form may hold its choices behind its file.
	LateOptions func() ImportOptions
}

// Create stores the file, tells its format and guesses the mapping of its
// columns. Nothing is imported yet: see Preview and Commit. A file that no
// format reads is a *ValidationError of field "file", a mapping that does not
// fit the file one of "mapping[i]"; either leaves nothing behind.
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

// upload stores the file as a blob, reads its beginning and takes the options
// over. When it fails nothing is left.
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
	if i.Size, err = s.blobs.PutBlob(ctx, actor.Workspace, i.Blob, io.TeeReader(in.Body, sum)); err != nil {
		return i, fmt.Errorf("store the file: %w", err)
	}
	i.Digest = hex.EncodeToString(sum.Sum(nil))
	if in.LateOptions != nil {
		in.ImportOptions = in.LateOptions()
	}
	if err = s.sniff(ctx, actor.Workspace, &i, in.FileName); err == nil {
		err = s.checkOptions(ctx, actor.Workspace, i, in.ImportOptions)
	}
	if err != nil {
		return i, errors.Join(err, s.removeFile(ctx, i, actor.Workspace))
	}
	in.applyTo(&i)
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
	return s.blobs.DeleteBlob(context.WithoutCancel(ctx), ws, i.Blob)
}

// sniff tells the format and guesses the mapping.
func (s *ImportService) sniff(ctx context.Context, ws WorkspaceID, i *Import, fileName string) error {
	file, err := s.blobs.OpenBlob(ctx, ws, i.Blob, 0)
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
	i.Mapping, i.Encoding = reader.Columns(), reader.Encoding()
	return nil
}

func (k *core) format(name string) (Format, error) {
	for _, f := range k.formats {
		if f.FormatName() == name {
			return f, nil
		}
	}
	return nil, Invalid("format", CodeUnknown, "must be one of "+k.formatNames())
}

func (k *core) formatNames() string {
	names := make([]string, len(k.formats))
	for i, f := range k.formats {
		names[i] = f.FormatName()
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
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
		return "", Invalid("file", CodeInvalid, "is in no format known here, which are "+k.formatNames()+"; name the format if it is one of them")
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
