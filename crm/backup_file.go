package crm

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"strconv"
	"strings"
)

// A backup is a line of text, "omnicrm backup 1", and behind it one gzip stream
// of JSON lines: a header, the records, and an end with their number and the
// SHA-256 of all before it. The number in the first line is the format.
const (
	backupMagic  = "omnicrm backup "
	backupFormat = 1
	// maxBackupLine bounds a line: the longest record is an interaction with its
	// body, every character of which may take six bytes.
	maxBackupLine = 64 << 20
)

// errDamaged is why a file is refused as a whole.
var errDamaged = Invalid("file", CodeInvalid, "is damaged or not whole; use another copy of the backup")

// backupWriter writes a backup with constant memory.
type backupWriter struct {
	zip    *gzip.Writer
	sum    hash.Hash
	line   bytes.Buffer
	json   *json.Encoder
	report *BackupReport
	tell   func(records int64)
}

func newBackupWriter(w io.Writer, h backupHeader, r *BackupReport, tell func(int64)) (*backupWriter, error) {
	if _, err := fmt.Fprintf(w, "%s%d\n", backupMagic, backupFormat); err != nil {
		return nil, err
	}
	zip, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	b := &backupWriter{zip: zip, sum: sha256.New(), report: r, tell: tell}
	b.json = json.NewEncoder(&b.line)
	b.json.SetEscapeHTML(false)
	return b, b.put(backupRecord{Header: &h})
}

// put writes one line.
func (b *backupWriter) put(d backupRecord) error {
	b.line.Reset()
	if err := b.json.Encode(d); err != nil {
		return fmt.Errorf("encode: %w", err)
	}
	b.sum.Write(b.line.Bytes())
	_, err := b.zip.Write(b.line.Bytes())
	if err == nil && d.Header == nil && d.End == nil {
		b.report.count(&d)
		if b.tell != nil && b.report.Records%1_000 == 0 {
			b.tell(b.report.Records)
		}
	}
	return err
}

// end writes the last line. Without it nothing is a backup.
func (b *backupWriter) end() error {
	err := b.put(backupRecord{End: &backupEnd{Records: b.report.Records, SHA256: hex.EncodeToString(b.sum.Sum(nil))}})
	return errors.Join(err, b.zip.Close())
}

// backupReader reads a backup line by line.
type backupReader struct {
	raw    *bufio.Reader
	text   *bufio.Reader
	sum    hash.Hash
	header backupHeader
	// read is the number of records so far, length that of the last line.
	read   int64
	length int
	over   bool
}

func newBackupReader(r io.Reader) (*backupReader, error) {
	b := &backupReader{raw: bufio.NewReaderSize(r, 64<<10), sum: sha256.New()}
	if err := b.checkFormat(); err != nil {
		return nil, err
	}
	zip, err := gzip.NewReader(b.raw)
	if err != nil {
		return nil, errDamaged
	}
	zip.Multistream(false)
	b.text = bufio.NewReaderSize(zip, 256<<10)
	var first backupRecord
	line, err := b.line()
	if err != nil {
		return nil, err
	}
	if json.Unmarshal(line, &first) != nil || first.Header == nil || first.Header.ID.IsZero() {
		return nil, errDamaged
	}
	b.sum.Write(line)
	b.header = *first.Header
	return b, nil
}

func (b *backupReader) checkFormat() error {
	first, err := b.raw.Peek(len(backupMagic))
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the backup: %w", err)
	}
	if string(first) != backupMagic {
		return Invalid("file", CodeInvalid, "is no backup; name a file that `crmserver backup` made")
	}
	line, err := b.raw.ReadSlice('\n')
	if err != nil {
		return errDamaged
	}
	format, err := strconv.Atoi(strings.TrimSpace(string(line[len(backupMagic):])))
	switch {
	case err != nil || format < 1:
		return errDamaged
	case format > backupFormat:
		return Invalid("file", CodeInvalid, fmt.Sprintf("has format %d, this version reads up to %d; restore it with the version that made it, or a newer one",
			format, backupFormat))
	}
	return nil
}

// line returns the next line, valid until the next call.
func (b *backupReader) line() ([]byte, error) {
	line, err := b.text.ReadSlice('\n')
	if err == nil {
		return line, nil
	}
	long := bytes.Clone(line)
	for errors.Is(err, bufio.ErrBufferFull) && len(long) < maxBackupLine {
		line, err = b.text.ReadSlice('\n')
		long = append(long, line...)
	}
	if err != nil {
		return nil, b.unreadable(err)
	}
	return long, nil
}

// unreadable tells a file that cannot be read from one whose content is wrong.
func (b *backupReader) unreadable(err error) error {
	var path interface{ Timeout() bool } // What the system says has it; formats do not.
	if errors.As(err, &path) {
		return fmt.Errorf("read the backup: %w", err)
	}
	return errDamaged
}

// endMark is how the last line begins.
var endMark = []byte(`{"end":`)

// skip reads a record without looking into it; false at the end, which is
// checked.
func (b *backupReader) skip() (bool, error) {
	line, err := b.record()
	return line != nil, err
}

// next reads a record; false at the end, which is checked.
func (b *backupReader) next(d *backupRecord) (bool, error) {
	line, err := b.record()
	if line == nil || err != nil {
		return false, err
	}
	*d = backupRecord{}
	if err := json.Unmarshal(line, d); err != nil {
		return false, fmt.Errorf("record %d: %w", b.read, err)
	}
	if d.Part != nil {
		d.Part.Workspace = d.Workspace
	}
	return true, nil
}

// record returns the line of the next record, nil at the end.
func (b *backupReader) record() ([]byte, error) {
	if b.over {
		return nil, nil
	}
	line, err := b.line()
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(line, endMark) {
		b.over = true
		return nil, b.checkEnd(line)
	}
	b.sum.Write(line)
	b.read++
	b.length = len(line)
	return line, nil
}

// checkEnd proves that everything before the last line is as it was written,
// and that nothing follows.
func (b *backupReader) checkEnd(line []byte) error {
	var last backupRecord
	if err := json.Unmarshal(line, &last); err != nil || last.End == nil ||
		last.End.Records != b.read || last.End.SHA256 != hex.EncodeToString(b.sum.Sum(nil)) {
		return errDamaged
	}
	if _, err := b.text.ReadByte(); !errors.Is(err, io.EOF) { // It also proves the sum of the gzip stream.
		return errDamaged
	}
	if _, err := b.raw.ReadByte(); !errors.Is(err, io.EOF) {
		return errDamaged
	}
	return nil
}
