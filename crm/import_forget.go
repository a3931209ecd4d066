package crm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// The files of imports that are not committed yet, or failed, lie in the store for
// 30 days. One that names somebody who is erased goes with the person: whoever
// wants the rest of it imports it again. The file's name stays with the import for
// good; one that names somebody gives way to a neutral one.

// forgetWindow is how much of a file is looked at at once, in bytes.
const forgetWindow = 256 << 10

// dropFilesNaming removes the files of imports that name one of the contacts. Those
// a job is at are left: they go with its end. Names of files that do so are
// replaced, whatever the state of the import.
func (k *core) dropFilesNaming(ctx context.Context, ws WorkspaceID, contacts []Contact) error {
	var marks [][]byte
	for _, c := range contacts {
		marks = append(marks, marksOf(c)...)
	}
	if err := k.forgetFileNames(ctx, ws, contacts); err != nil || len(marks) == 0 {
		return err
	}
	return k.eachImport(ctx, ws, func(i Import) error {
		if i.Blob.IsZero() || i.Status == ImportCommitting || i.Status == ImportUndoing {
			return nil
		}
		named, err := k.fileHolds(ctx, ws, i.Blob, marks)
		if err == nil && named {
			err = k.dropImportFile(ctx, ws, i.ID)
		}
		if err != nil && !errors.Is(err, ErrNotFound) { // It may have ended meanwhile, and its file with it.
			return fmt.Errorf("look for the person in the file of import %s: %w", i.ID, err)
		}
		return nil
	})
}

func (k *core) eachImport(ctx context.Context, ws WorkspaceID, do func(Import) error) error {
	return pages(MaxPageSize, func(before ID) ([]Import, error) {
		return k.store.ListImports(ctx, ws, ImportQuery{Before: before, Limit: MaxPageSize})
	}, func(i Import) ID { return i.ID }, do)
}

// marksOf is what a file is told by to name a contact: addresses, numbers, and
// names of at least two words, as they stand in columns as well, in lower case.
// Each in UTF-8 and, as far as it is ASCII, in UTF-16.
func marksOf(c Contact) [][]byte {
	var texts []string
	for _, e := range c.Emails {
		texts = append(texts, e.Address)
	}
	for _, p := range c.Phones {
		texts = append(texts, p.Number, p.E164)
	}
	words := strings.Fields(c.DisplayName)
	if len(words) > 1 {
		first, last := strings.Join(words[:len(words)-1], " "), words[len(words)-1]
		for _, between := range []string{" ", ",", ";", "\t", `","`, ", "} {
			texts = append(texts, first+between+last, last+between+first)
		}
	}
	var marks [][]byte
	for _, text := range texts {
		text = strings.ToLower(text)
		if len(text) < 5 { // It would be in every file.
			continue
		}
		marks = append(marks, []byte(text))
		if wide, ok := wideASCII(text); ok {
			marks = append(marks, wide)
		}
	}
	return marks
}

// wideASCII is a text in UTF-16, in either order of bytes: the zeros between the
// letters are the same.
func wideASCII(text string) ([]byte, bool) {
	wide := make([]byte, 0, 2*len(text))
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return nil, false
		}
		wide = append(wide, text[i], 0)
	}
	return wide[:len(wide)-1], true
}

// fileHolds reports whether a file holds one of the marks, whatever the case.
func (k *core) fileHolds(ctx context.Context, ws WorkspaceID, id ID, marks [][]byte) (bool, error) {
	r, err := k.blobs.OpenBlob(ctx, ws, id, 0)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer r.Close() //nolint:errcheck // It was only read.
	longest := 0
	for _, m := range marks {
		longest = max(longest, len(m))
	}
	window := make([]byte, 0, forgetWindow+longest)
	for {
		n, err := io.ReadFull(r, window[len(window):len(window)+forgetWindow])
		window = window[:len(window)+n]
		lower := bytes.ToLower(window)
		for _, m := range marks {
			if bytes.Contains(lower, m) {
				return true, nil
			}
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		// What ends here may go on in the next part.
		kept := window[len(window)-min(longest, len(window)):]
		window = window[:copy(window[:cap(window)], kept)]
	}
}
