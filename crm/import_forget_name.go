package crm

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/omnicrm/omnicrm/crm/textindex"
)

// minNameWord is how long a word of a person is at least that a file's name is
// looked at for: in characters, or in bytes where a character says more, as in
// Chinese.
const (
	minNameWord      = 3
	minNameWordBytes = 6
)

// forgetFileNames replaces the names of the imports' files that hold a word of
// one of the contacts. Several words that mean somebody else lose a name that
// only helps to tell imports apart.
func (k *core) forgetFileNames(ctx context.Context, ws WorkspaceID, contacts []Contact) error {
	var words []string
	for _, c := range contacts {
		words = append(words, fileNameWords(c)...)
	}
	if len(words) == 0 {
		return nil
	}
	return k.eachImport(ctx, ws, func(i Import) error {
		if neutralFileName(i.FileName, words) == i.FileName {
			return nil
		}
		err := k.store.InTx(ctx, func(tx Tx) error {
			now, err := tx.GetImport(ctx, ws, i.ID)
			if err != nil {
				return err
			}
			expect := now.Version
			now.FileName = neutralFileName(now.FileName, words)
			now.Version++ // The time stays: by it the undo is counted.
			return tx.PutImport(ctx, ws, now, expect)
		})
		if err != nil {
			return fmt.Errorf("take the person out of the file name of import %s: %w", i.ID, err)
		}
		return nil
	})
}

// fileNameWords are the words by which a file's name tells who somebody is,
// folded: the parts of the name, addresses with what is before their @, numbers.
func fileNameWords(c Contact) []string {
	words := slices.Concat(textindex.Words(c.DisplayName), textindex.Words(c.GivenName), textindex.Words(c.FamilyName))
	for _, e := range c.Emails {
		local, _, _ := strings.Cut(e.Address, "@")
		words = append(words, FoldKey(e.Address), FoldKey(local))
	}
	for _, p := range c.Phones {
		words = append(words, FoldKey(p.Number), strings.TrimPrefix(p.E164, "+"))
	}
	return slices.DeleteFunc(words, func(w string) bool {
		return utf8.RuneCountInString(w) < minNameWord && len(w) < minNameWordBytes
	})
}

// neutralFileName returns a name that holds none of the words: the name itself,
// or "import" with its extension, unless that is of one of the words.
func neutralFileName(name string, words []string) string {
	text, extension := FoldKey(name), path.Ext(name)
	if !slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) }) {
		return name
	}
	end := FoldKey(extension)
	if slices.ContainsFunc(words, func(w string) bool { return strings.Contains(end, w) || strings.Contains(w, end) }) {
		return "import"
	}
	return "import" + extension
}
