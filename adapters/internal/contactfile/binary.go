package contactfile

import "bytes"

// DescribeBinary reports whether a file that begins with head is no text at
// all, and then names what it probably is ("a PNG image"). A text with a few
// zero bytes or odd bytes is still a text, and so is UTF-16.
func DescribeBinary(head []byte) (what string, binary bool) {
	for _, m := range [...]struct{ magic, what string }{
		{"\x89PNG\r\n\x1a\n", "a PNG image"},
		{"\xff\xd8\xff", "a JPEG image"},
		{"GIF8", "a GIF image"},
		{"%PDF-", "a PDF document"},
		{"PK\x03\x04", "a spreadsheet or a ZIP archive"},
		{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a spreadsheet of an older Office"},
		{"\x1f\x8b", "a gzip archive"},
		{"SQLite format 3\x00", "a database"},
		{"\x7fELF", "a program"},
	} {
		if bytes.HasPrefix(head, []byte(m.magic)) {
			return m.what, true
		}
	}
	if enc, _ := DetectEncoding(head); enc == UTF16LE || enc == UTF16BE {
		return "", false
	}
	if len(head) > 4<<10 {
		head = head[:4<<10]
	}
	controls := 0
	for _, b := range head {
		if b < ' ' && !bytes.ContainsRune([]byte("\t\n\v\f\r\x1b"), rune(b)) {
			controls++
		}
	}
	_, invalid := countUTF8(head)
	if controls*3 > len(head) || controls*20 > len(head) && invalid*5 > len(head) {
		return "a binary file", true
	}
	return "", false
}
