package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// groupSize is how many contacts the jobs of one client change at once.
const groupSize = 30

// jobber makes a group of contacts and then changes all of it by jobs, some of
// which it takes back.
func jobber(k *client) func() step {
	group := fmt.Sprintf("group%d", k.n)
	return func() step {
		switch dice := k.random.IntN(10); {
		case len(k.mine) < groupSize:
			return k.createOne(fmt.Sprintf(`"tags":[%q]`, group))
		case dice < 2:
			return k.dedupe()
		default:
			return k.tagByFilter(group, dice > 6)
		}
	}
}

// dedupe looks for duplicates; one that is looking already is in the way.
func (k *client) dedupe() step {
	name := k.name()
	return func(bool) error {
		status, text, err := k.ask(http.MethodPost, "/api/v1/contacts/dedupe", "", []int{202, 409}, "Idempotency-Key", name)
		if err == nil && status == 202 {
			k.ledger.job(read[struct{ ID string }](k.t, text).ID)
		}
		return err
	}
}

// tagByFilter has a job tag the group and waits until all of it is tagged; with
// undo it then has another take that back.
func (k *client) tagByFilter(group string, undo bool) step {
	tag, older := k.name(), []string{}
	var before, after []person
	for _, id := range k.mine {
		p := k.ledger.person(id)
		older = slices.DeleteFunc(slices.Clone(p.Tags), func(t string) bool { return t == group }) // All have the same.
		before, after = append(before, p), append(after, p.next(func(p *person) { p.Tags = []string{group, tag} }))
	}
	body := fmt.Sprintf(`{"filter":{"tag":%q},"add":[%q],"remove":%s}`, group, tag, quote(older))
	job, tagged, undone := "", false, false
	return func(again bool) error {
		k.ledger.changing(after...)
		if !tagged {
			id, err := k.startJob("/api/v1/contacts/bulk-tag", body, tag, again, "jobId")
			if err == nil && job == "" {
				job = id
			}
			if err == nil {
				err = k.awaitTagged(tag, groupSize)
			}
			if err != nil {
				return err
			}
			tagged, again = true, false
			k.ledger.acknowledged(after...)
		}
		if !undo || job == "" || undone {
			return nil
		}
		k.ledger.changing(before...)
		if err := k.awaitEnd(job); err != nil {
			return err
		}
		_, err := k.startJob("/api/v1/jobs/"+job+"/undo", "", "undo"+tag, again, "id")
		if err == nil {
			err = k.awaitTagged(tag, 0)
		}
		if err != nil {
			return err
		}
		undone = true
		for i := range before { // The content and its version are back, the numbers are used up.
			before[i].peak = after[i].peak
		}
		k.ledger.acknowledged(before...)
		return nil
	}
}

// startJob sends what makes a job and returns the job's id; "" when the answer
// to an earlier try was lost and does not come back.
func (k *client) startJob(path, body, key string, again bool, member string) (string, error) {
	statuses := []int{202}
	if again {
		statuses = append(statuses, 409)
	}
	status, text, err := k.ask(http.MethodPost, path, body, statuses, "Idempotency-Key", key)
	if err != nil || status != 202 {
		if err == nil && !strings.Contains(string(text), "was carried out") {
			k.t.Errorf("%s again: got %s", path, text)
		}
		return "", err
	}
	id, _ := read[map[string]any](k.t, text)[member].(string)
	k.ledger.job(id)
	return id, nil
}

func (k *client) awaitEnd(job string) error {
	return k.wait("the end of a job", "/api/v1/jobs/"+job, func(text []byte) bool {
		return strings.Contains(string(text), `"status":"succeeded"`)
	})
}

func (k *client) awaitTagged(tag string, n int) error {
	return k.wait(fmt.Sprintf("%d contacts with tag %s", n, tag), "/api/v1/contacts?pageSize=1&tag="+tag, func(text []byte) bool {
		return read[found](k.t, text).Total == n
	})
}

// importer uploads files of people, commits most and takes some back.
func importer(k *client) func() step {
	return func() step {
		name := fmt.Sprintf("Import %s", k.name())
		rows, fate := 20+k.random.IntN(300), k.random.IntN(10)
		if k.random.IntN(8) == 0 {
			rows *= 10 // More than one transaction writes.
		}
		var file strings.Builder
		file.WriteString("Name,Email,Company\n")
		for n := range rows {
			fmt.Fprintf(&file, "Row %s,%sr%d@example.com,%s\n", fmt.Sprintf("%sr%d", k.name(), n), k.name(), n, name)
		}
		one := &oneImport{client: k, key: k.name(), file: file.String(), note: fileNote{Company: name, Rows: rows}}
		return func(again bool) error {
			steps := []func(bool) error{one.upload, one.commit, one.undo}
			switch {
			case fate < 2:
				steps = steps[:1]
			case fate < 7:
				steps = steps[:2]
			}
			for _, step := range steps[one.done:] {
				if err := step(again); err != nil {
					return err
				}
				one.done++
				again = false
			}
			return nil
		}
	}
}

// oneImport is an import on its way.
type oneImport struct {
	*client
	key, file, id string
	note          fileNote
	done          int // steps
}

func (o *oneImport) upload(bool) error {
	if o.id == "" {
		status, text, err := o.askAs("text/csv", http.MethodPost, "/api/v1/imports?fileName="+o.key+".csv", o.file, []int{201}, "Idempotency-Key", o.key)
		if err != nil || status != 201 {
			return err
		}
		o.id = read[struct{ ID string }](o.t, text).ID
	}
	return o.reach("ready")
}

func (o *oneImport) commit(again bool) error { return o.change("commit", "committed", again) }

func (o *oneImport) undo(again bool) error { return o.change("undo", "undone", again) }

// change has a job do what the path says and waits for it. A repeat may find the
// import beyond that: committing or committed, say.
func (o *oneImport) change(verb, status string, again bool) error {
	if again {
		o.ledger.lost()
	}
	if _, err := o.startJob("/api/v1/imports/"+o.id+"/"+verb, "", verb+o.key, again, "id"); err != nil {
		return err
	}
	return o.reach(status)
}

// reach waits for a status and notes it.
func (o *oneImport) reach(status string) error {
	err := o.wait("import "+status, "/api/v1/imports/"+o.id, func(text []byte) bool {
		return read[importState](o.t, text).Status == status
	})
	if err == nil {
		o.note.Status = status
		o.ledger.imported(o.id, o.note)
	}
	return err
}
