package httpapi_test

import (
	"bytes"
	"mime/multipart"
	"net/textproto"
	"testing"
)

// formOf makes a form of fields in order; the field named file is a file.
func formOf(t testing.TB, boundary string, fields ...[2]string) (body, media string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if err := w.SetBoundary(boundary); err != nil {
		t.Fatal(err)
	}
	for _, field := range fields {
		header := textproto.MIMEHeader{"Content-Disposition": {`form-data; name="` + field[0] + `"`}}
		if field[0] == "file" {
			header.Set("Content-Disposition", `form-data; name="file"; filename="people.csv"`)
		}
		part, err := w.CreatePart(header)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Write([]byte(field[1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), w.FormDataContentType()
}
