package crm_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/omnicrm/omnicrm/adapters/csv"
	"github.com/omnicrm/omnicrm/adapters/vcard"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/internal/testkit/contactgen"
)

// moved is a workspace of a CRM that files come from or go to.
type moved struct {
	*env
}

func (e *env) moved(name string) moved {
	own := *e
	own.owner = actorOf(name, "olga", crm.RoleOwner)
	return moved{&own}
}

// fill makes contacts that are hard to write to files, and interactions with them.
func (m moved) fill(t *rapid.T) {
	ctx := context.Background()
	var made []crm.Contact
	for i, c := range rapid.SliceOfN(contactgen.Contact(), 0, 4).Draw(t, "contacts") {
		// Rows of a file are matched against each other: two that share an email, or a
		// phone and the name, would be one.
		c.DisplayName = fmt.Sprintf("%.190s %d", c.DisplayName, i)
		for n := range c.Emails {
			c.Emails[n].Address = strings.Replace(c.Emails[n].Address, "@", fmt.Sprintf(".%d@", i), 1)
		}
		got, err := m.Contacts.Create(ctx, m.owner, contactgen.Input(c))
		if err == nil {
			made = append(made, got)
		} else if !errors.Is(err, crm.ErrInvalid) && !errors.Is(err, crm.ErrConflict) {
			t.Fatal(err)
		}
	}
	for i := range rapid.IntRange(0, 4).Draw(t, "interactions") {
		in := crm.NewInteraction{
			Type:    rapid.SampledFrom(crm.InteractionTypes()).Draw(t, "type"),
			Subject: contactgen.Line(50).Draw(t, "subject"), Body: contactgen.Text(300).Draw(t, "body"), ThreadID: contactgen.Line(20).Draw(t, "thread"),
			OccurredAt: time.Unix(1_600_000_000+int64(i)*3600, int64(rapid.IntRange(0, 999_999).Draw(t, "microseconds"))*1000).UTC(),
		}
		for range rapid.IntRange(0, 3).Draw(t, "participants") {
			addresses := []string{"nobody@example.com", "@handle"}
			for _, c := range made {
				for _, e := range c.Emails {
					addresses = append(addresses, e.Address)
				}
			}
			// No links by id alone: a contact gets another one where it is imported.
			in.Participants = append(in.Participants, crm.NewParticipant{Name: contactgen.Line(30).Draw(t, "name"), Address: rapid.SampledFrom(addresses).Draw(t, "address")})
		}
		if _, err := m.Interactions.Create(ctx, m.owner, in); err != nil && !errors.Is(err, crm.ErrInvalid) {
			t.Fatal(err)
		}
	}
}

func (m moved) file(t *rapid.T, format string) string {
	x, err := m.Exports.Prepare(context.Background(), m.owner, crm.ExportQuery{Format: format})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := x.WriteTo(context.Background(), &b, nil); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// take imports a file, if it has any record.
func (m moved) take(t *rapid.T, format, file string) *crm.Import {
	if !strings.Contains(strings.TrimSpace(file), "\n") && format == "csv" || strings.TrimSpace(file) == "" {
		return nil
	}
	i, err := m.Imports.Run(context.Background(), m.owner, crm.RunImport{NewImport: crm.NewImport{Format: format, Body: strings.NewReader(file)}})
	if err != nil {
		t.Fatalf("import %s: %v\n%s", format, err, file)
	}
	return &i
}

// content lists the lines of an export without what an import gives anew, in an
// order that hangs on nothing else.
func content(t *rapid.T, export string) []string {
	var lines []string
	for line := range strings.Lines(export) {
		var record map[string]any
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"id", "createdAt", "updatedAt", "version", "score", "lastInteractionAt", "batchId"} {
			delete(record, name)
		}
		list, _ := record["participants"].([]any)
		for _, p := range list {
			if p, ok := p.(map[string]any); ok {
				p["contactId"] = p["contactId"] != nil
			}
		}
		text, err := json.Marshal(record)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(text))
	}
	slices.Sort(lines)
	return lines
}

// What is exported in any format and imported elsewhere has the same content; the
// same file once more changes nothing; and an undo leaves exactly what was there.
func TestExportsGoInAgainAndOut(t *testing.T) {
	t.Parallel()
	e := setup(t, func(c *crm.Config) { c.Formats = []crm.Format{csv.New(), vcard.New()} })
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		from, format := e.moved(fmt.Sprint("from", n)), rapid.SampledFrom([]string{"csv", "vcard", "jsonl"}).Draw(rt, "format")
		from.fill(rt)
		into := e.moved(fmt.Sprint("into", n))
		into.create(crm.NewContact{DisplayName: "Was here", Source: "here", SourceID: "1"})
		contactsBefore, historyBefore := into.file(rt, "jsonl"), into.history()

		file := from.file(rt, format)
		imports := []*crm.Import{into.take(rt, format, file), into.take(rt, "jsonl", from.history())}
		want := append(content(rt, contactsBefore), content(rt, from.file(rt, "jsonl"))...)
		slices.Sort(want)
		if got := content(rt, into.file(rt, "jsonl")); !slices.Equal(got, want) {
			rt.Fatalf("contacts by %s: got\n%s\nwant\n%s\nfile\n%s", format, strings.Join(got, "\n"), strings.Join(want, "\n"), file)
		}
		if got, want := content(rt, into.history()), content(rt, from.history()); !slices.Equal(got, want) {
			rt.Fatalf("interactions: got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		for _, again := range []*crm.Import{into.take(rt, format, file), into.take(rt, "jsonl", from.history())} {
			if again != nil && again.Counts.Unchanged != again.Counts.Rows {
				rt.Fatalf("the same file again: got %+v", again.Counts)
			}
		}
		for _, i := range slices.Backward(imports) {
			if i != nil {
				into.undo(i.ID)
			}
		}
		if got := into.file(rt, "jsonl"); got != contactsBefore {
			rt.Fatalf("contacts after the undo: got\n%s\nwant\n%s", got, contactsBefore)
		}
		if got := into.history(); got != historyBefore {
			rt.Fatalf("interactions after the undo: got\n%s\nwant\n%s", got, historyBefore)
		}
	})
}
