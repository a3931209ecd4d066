package httpapi

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"path"
	"slices"
	"strings"

	"github.com/omnicrm/omnicrm/crm"
)

const (
	// maxUploadField bounds a form field beside the file, in bytes; a mapping
	// of a thousand columns has about 100 KB.
	maxUploadField = 1 << 18
	// maxUploadFields bounds how many there are.
	maxUploadFields = 16
	maxFileName     = 255
)

// upload is a file on its way in, with what was said about it. It is read as
// a stream. Form fields may stand before or behind the file: those behind are
// read before the reader reports its end, so that a broken one stops the whole
// upload and nothing is kept.
type upload struct {
	c           *call
	format      string
	fileName    string
	onDuplicate crm.OnDuplicate
	mapping     []crm.ImportColumn

	body  io.Reader
	parts *multipart.Reader
	seen  []string
	left  int64
	// ended is what every Read answers from now on.
	ended error
}

// openUpload reads what stands before the file.
func (c *call) openUpload() (*upload, error) {
	u := &upload{c: c, body: c.r.Body, left: c.h.options.MaxImportBytes}
	for _, name := range uploadFields() {
		if c.query.Has(name) {
			if err := u.set(name, c.query.Get(name)); err != nil {
				return nil, &placeError{code: codeInvalidQuery, err: err}
			}
		}
	}
	media, parameters, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	switch {
	case c.r.Header.Get("Content-Encoding") != "": // Compressed, it would be read as a text of odd characters.
		return nil, uploadMedia()
	case c.r.Header.Get("Content-Type") == "":
		media = "application/octet-stream"
	case err != nil:
		return nil, uploadMedia()
	}
	if media == "multipart/form-data" {
		if parameters["boundary"] == "" {
			return nil, uploadMedia()
		}
		u.parts = multipart.NewReader(c.r.Body, parameters["boundary"])
		return u, u.findFile()
	}
	if !slices.Contains(rawMedia(), media) {
		return nil, uploadMedia()
	}
	if c.r.ContentLength > u.left {
		return nil, errUploadTooLong
	}
	return u, nil
}

func uploadFields() []string { return []string{"format", "fileName", "onDuplicate", "mapping"} }

func rawMedia() []string {
	return []string{
		"application/octet-stream", "text/csv", "text/tab-separated-values", "application/vnd.ms-excel", "text/plain",
		"text/vcard", "text/x-vcard", "text/directory", "application/jsonl", "application/x-ndjson", "application/json",
	}
}

func uploadMedia() error {
	return &mediaError{want: "Send the file as multipart/form-data with the file in the field \"file\" (curl -F file=@contacts.csv), " +
		"or as the body with its own type, such as text/csv, text/vcard, application/jsonl or application/octet-stream; not compressed."}
}

// findFile reads the fields in front of the file.
func (u *upload) findFile() error {
	for {
		part, err := u.nextPart()
		switch {
		case errors.Is(err, io.EOF):
			return invalidPart("file", crm.CodeRequired, "must be in the form")
		case err != nil:
			return err
		case part.FormName() == "file":
			u.seen = append(u.seen, "file")
			u.body = part
			if u.fileName == "" {
				u.fileName = cleanFileName(part.FileName())
			}
			return nil
		}
		if err := u.field(part); err != nil {
			return err
		}
	}
}

func (u *upload) nextPart() (*multipart.Part, error) {
	part, err := u.parts.NextPart()
	if err == nil || errors.Is(err, io.EOF) {
		return part, err // io.EOF is a value, not an error to explain.
	}
	return nil, brokenUpload()
}

// field reads one small form field.
func (u *upload) field(part *multipart.Part) error {
	name := part.FormName()
	if len(u.seen) >= maxUploadFields {
		return invalidPart("body", crm.CodeTooMany, "has too many form fields")
	}
	if name == "" {
		return invalidPart("body", crm.CodeRequired, "has a part without a name; write Content-Disposition: form-data; name=\"file\" for the file, and for the others one of "+
			strings.Join(uploadFields(), ", "))
	}
	if slices.Contains(u.seen, name) {
		return invalidPart(shownKey(name), crm.CodeDuplicate, "must not stand more than once")
	}
	if !slices.Contains(uploadFields(), name) {
		return invalidPart(shownKey(strings.ToValidUTF8(name, "�")), crm.CodeUnknown, "is not known here; known are file, "+strings.Join(uploadFields(), ", "))
	}
	u.seen = append(u.seen, name)
	text, err := io.ReadAll(io.LimitReader(part, maxUploadField+1))
	if err != nil {
		return brokenUpload()
	}
	if len(text) > maxUploadField {
		return invalidPart(name, crm.CodeTooLong, "is too long")
	}
	if err := u.set(name, string(text)); err != nil {
		return &placeError{code: codeInvalidBody, err: err}
	}
	return nil
}

func invalidPart(field, code, message string) error {
	return &placeError{code: codeInvalidBody, err: crm.Invalid(field, code, message)}
}

func (u *upload) set(name, text string) error {
	switch name {
	case "format":
		if names := formatNames(u.c.h.app.Formats()); !slices.Contains(names, text) {
			return crm.Invalid(name, crm.CodeUnknown, "must be one of "+strings.Join(names, ", "))
		}
		u.format = text
	case "fileName":
		u.fileName = cleanFileName(text)
	case "onDuplicate":
		if !slices.Contains(duplicatePolicies(), crm.OnDuplicate(text)) {
			return crm.Invalid(name, crm.CodeUnknown, "must be one of update, skip, create")
		}
		u.onDuplicate = crm.OnDuplicate(text)
	case "mapping":
		var err error
		u.mapping, err = u.c.h.parseMapping(text)
		return err
	}
	return nil
}

// cleanFileName keeps the last part of a path as text of one line.
func cleanFileName(name string) string {
	name = path.Base(strings.ReplaceAll(strings.ToValidUTF8(name, ""), `\`, "/"))
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, name)
	if name == "." || name == "/" {
		return ""
	}
	if runes := []rune(name); len(runes) > maxFileName {
		return string(runes[:maxFileName])
	}
	return name
}

// Read yields the file. It ends with an error when the file is too long, did
// not arrive whole, or something behind it in the form is wrong.
func (u *upload) Read(p []byte) (int, error) {
	if u.ended != nil {
		return 0, u.ended
	}
	n, err := u.body.Read(p)
	u.left -= int64(n)
	switch {
	case u.left < 0:
		u.ended = errUploadTooLong
		return 0, u.ended
	case errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		if u.ended = u.readRest(); u.ended == nil {
			u.ended = io.EOF
		}
		return n, u.ended
	case err != nil:
		u.ended = brokenUpload()
		return n, u.ended
	}
	return n, nil
}

// readRest reads the fields behind the file.
func (u *upload) readRest() error {
	if u.parts == nil {
		return nil
	}
	for {
		part, err := u.nextPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if part.FormName() == "format" {
			return invalidPart("format", crm.CodeInvalid, "must stand before the file")
		}
		if err := u.field(part); err != nil {
			return err
		}
	}
}
