package vcard

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/omnicrm/omnicrm/adapters/internal/contactfile"
	"github.com/omnicrm/omnicrm/crm"
)

// Format is the vCard format. The zero value is ready to use. It is safe for
// parallel use.
type Format struct{}

var _ crm.Format = Format{}

// New returns the vCard format.
func New() Format { return Format{} }

const (
	defaultMaxRecord = 1 << 20
	// productID is the PRODID of our own cards.
	productID = "-//OmniCRM//OmniCRM//EN"
)

// FormatName returns "vcard".
func (Format) FormatName() string { return "vcard" }

// MediaType is vCard's (RFC 6350), in UTF-8.
func (Format) MediaType() string { return "text/vcard; charset=utf-8" }

// Extension returns ".vcf".
func (Format) Extension() string { return ".vcf" }

// LooksLike reports whether the first line is BEGIN:VCARD.
func (Format) LooksLike(head []byte) bool {
	text, err := headText(head)
	return err == nil && startsCard(text)
}

// NewReader looks for the first card in the first 64 KB: a file that has
// something else there is a *crm.ValidationError of field "file". An empty
// file has no cards. The mapping of the options is not used.
func (Format) NewReader(r io.Reader, o crm.ReadOptions) (crm.ContactReader, error) {
	if o.MaxRecord <= 0 {
		o.MaxRecord = defaultMaxRecord
	}
	br := bufio.NewReaderSize(r, contactfile.HeadSize)
	head, err := br.Peek(contactfile.HeadSize)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read vcard: %w", err)
	}
	text, err := headText(head)
	if err != nil {
		return nil, fmt.Errorf("read vcard: %w", err)
	}
	if len(bytes.TrimSpace(text)) > 0 && !startsCard(text) && !containsFold(text, "\nBEGIN:VCARD") && !containsFold(text, "\rBEGIN:VCARD") {
		what, binary := contactfile.DescribeBinary(head)
		if !binary {
			what = "not a vCard file"
		}
		return nil, crm.Invalid("file", crm.CodeInvalid, "is "+what+"; a vCard file begins with BEGIN:VCARD")
	}
	enc, mark := contactfile.DetectEncoding(head)
	if enc == contactfile.Windows1252 { // Old programs fold lines inside of a character.
		enc, _ = contactfile.DetectEncoding(unfolded(head))
	}
	if _, err := br.Discard(mark); err != nil {
		return nil, fmt.Errorf("read vcard: %w", err)
	}
	// Other encodings are decoded property by property: each may have its own.
	if enc.Wide() {
		br = bufio.NewReaderSize(contactfile.NewTextReader(br, enc), contactfile.HeadSize)
	}
	crOnly := bytes.IndexByte(text, '\r') >= 0 && bytes.IndexByte(text, '\n') < 0
	return newReader(br, enc, crOnly, o.MaxRecord), nil
}

// NewWriter starts to write; nothing stands before the first card.
func (Format) NewWriter(w io.Writer) (crm.ContactWriter, error) {
	return &writer{w: bufio.NewWriterSize(w, 64<<10)}, nil
}

// headText returns the first bytes without a mark, UTF-16 decoded.
func headText(head []byte) ([]byte, error) {
	enc, mark := contactfile.DetectEncoding(head)
	if !enc.Wide() {
		return head[mark:], nil
	}
	return io.ReadAll(contactfile.NewTextReader(bytes.NewReader(head[mark:]), enc))
}

// unfolded joins the lines that are folded.
func unfolded(head []byte) []byte {
	for _, fold := range []string{"\r\n ", "\r\n\t", "\n ", "\n\t"} {
		head = bytes.ReplaceAll(head, []byte(fold), nil)
	}
	return head
}

func startsCard(text []byte) bool {
	text = bytes.TrimLeft(text, " \t\r\n")
	return len(text) >= len("BEGIN:VCARD") && bytes.EqualFold(text[:len("BEGIN:VCARD")], []byte("BEGIN:VCARD"))
}

// containsFold looks for an ASCII text in any case.
func containsFold(text []byte, upper string) bool {
	return bytes.Contains(bytes.ToUpper(text), []byte(upper))
}
