package crm

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// CheckReport is what [CRM.Check] found.
type CheckReport struct {
	Workspaces int            `json:"workspaces"`
	Contacts   int            `json:"contacts"`
	Findings   []CheckFinding `json:"findings"`
}

// CheckFinding is one thing that does not agree with the contacts.
type CheckFinding struct {
	Workspace WorkspaceID `json:"workspaceId"`
	// Part is totals, tags, series, interactions, search or imports.
	Part     string `json:"part"`
	Detail   string `json:"detail"`
	Repaired bool   `json:"repaired"`
}

// checkTries is how often a workspace that is being written to is counted
// again before its findings are believed.
const checkTries = 3

// CheckOptions says what [CRM.Check] does with what it finds.
type CheckOptions struct {
	// Repair mends it. Default: it is only reported.
	Repair bool
}

// Check counts every workspace anew and compares: the totals, the tags' counts,
// the series, the contacts' last interactions, the search index of this process,
// and imports with their jobs. It reads everything once, beside a running server
// too. It is for operators and asks for no actor.
func (c *CRM) Check(ctx context.Context, o CheckOptions) (CheckReport, error) {
	r := CheckReport{Findings: []CheckFinding{}}
	var after WorkspaceID
	for {
		page, err := c.system.ListWorkspaces(ctx, after, feedPage)
		if err != nil {
			return r, fmt.Errorf("check: %w", err)
		}
		for _, w := range page {
			if err := c.checkWorkspace(ctx, w.ID, o, &r); err != nil {
				return r, fmt.Errorf("check workspace %s: %w", w.ID, err)
			}
			r.Workspaces++
			after = w.ID
		}
		if len(page) < feedPage {
			return r, nil
		}
	}
}

// census is a workspace counted from its rows.
type census struct {
	live, trashed int
	tags          tagCounter
	series        seriesCounter
	// last is what the contacts say of their last interactions, newest what the
	// interactions say, in microseconds.
	last, newest map[ID]int64
}

func (c *CRM) checkWorkspace(ctx context.Context, ws WorkspaceID, o CheckOptions, r *CheckReport) error {
	for try := 1; ; try++ {
		before, err := c.core.store.EventHead(ctx, ws)
		if err != nil {
			return err
		}
		var found []CheckFinding
		n, err := c.compare(ctx, ws, o, &found)
		if err != nil {
			return err
		}
		now, err := c.core.store.EventHead(ctx, ws)
		if err != nil {
			return err
		}
		if len(found) == 0 || before == now || try == checkTries {
			r.Contacts += n
			r.Findings = append(r.Findings, found...)
			return nil
		}
	}
}

func (c *CRM) compare(ctx context.Context, ws WorkspaceID, o CheckOptions, found *[]CheckFinding) (int, error) {
	real, err := c.takeCensus(ctx, ws)
	if err != nil {
		return 0, err
	}
	note := func(part, detail string, mend func() error) error {
		f := CheckFinding{Workspace: ws, Part: part, Detail: detail}
		if o.Repair && mend != nil {
			if err := mend(); err != nil {
				return fmt.Errorf("repair %s: %w", part, err)
			}
			f.Repaired = true
		}
		*found = append(*found, f)
		return nil
	}
	for _, compare := range []func(context.Context, WorkspaceID, census, noteFunc) error{
		c.checkTotals, c.checkTags, c.checkSeries, c.checkLast, c.checkIndex, c.checkImports,
	} {
		if err := compare(ctx, ws, real, note); err != nil {
			return 0, err
		}
	}
	return real.live + real.trashed, nil
}

type noteFunc func(part, detail string, mend func() error) error

func (c *CRM) takeCensus(ctx context.Context, ws WorkspaceID) (census, error) {
	real := census{tags: tagCounter{}, series: seriesCounter{}, last: map[ID]int64{}, newest: map[ID]int64{}}
	for _, where := range []ContactCriteria{{}, {Trash: true}} {
		var after ID
		for {
			ids, err := c.core.store.ListContactIDs(ctx, ws, where, after, feedPage)
			if err != nil {
				return real, err
			}
			if len(ids) == 0 {
				break
			}
			contacts, err := c.core.store.GetContacts(ctx, ws, ids)
			if err != nil {
				return real, err
			}
			for i := range contacts {
				real.last[contacts[i].ID] = Micros(contacts[i].LastInteractionAt)
				real.series.contact(&contacts[i], 1)
				if contacts[i].InTrash() {
					real.trashed++
					continue
				}
				real.live++
				real.tags.add(&contacts[i], 1)
			}
			after = ids[len(ids)-1]
		}
	}
	return real, c.countHistory(ctx, ws, &real)
}

func (c *CRM) checkTotals(ctx context.Context, ws WorkspaceID, real census, note noteFunc) error {
	for _, t := range []struct {
		name  string
		where ContactCriteria
		want  int
	}{{"contacts", ContactCriteria{}, real.live}, {"trashed contacts", ContactCriteria{Trash: true}, real.trashed}} {
		got, err := c.core.store.CountContacts(ctx, ws, t.where, 0)
		if err != nil {
			return err
		}
		if got == t.want {
			continue
		}
		detail := fmt.Sprintf("the figure says %d %s, there are %d", got, t.name, t.want)
		if err := note("totals", detail, func() error { return c.system.RecountContacts(ctx, ws) }); err != nil {
			return err
		}
	}
	return nil
}

func (c *CRM) checkTags(ctx context.Context, ws WorkspaceID, real census, note noteFunc) error {
	tags, err := c.core.store.ListTags(ctx, ws)
	if err != nil {
		return err
	}
	counted := tagCounter{}
	for key, d := range real.tags {
		counted[key] = &TagDelta{Key: key, Name: d.Name, Delta: d.Delta}
	}
	for _, t := range tags {
		if counted[t.Key] == nil {
			counted[t.Key] = &TagDelta{Key: t.Key, Name: t.Name}
		}
		counted[t.Key].Delta -= t.Count
	}
	wrong := counted.deltas()
	if len(wrong) == 0 {
		return nil
	}
	return note("tags", fmt.Sprintf("%d tags are counted wrong", len(wrong)), func() error {
		return c.core.store.AddTagCounts(ctx, ws, wrong)
	})
}

// checkIndex loads the index, where it is not, and compares every document. An
// index in memory is this process's own: what a server beside it has loaded is
// proved by the server itself, see [CRM.CheckSearch].
func (c *CRM) checkIndex(ctx context.Context, ws WorkspaceID, _ census, note noteFunc) error {
	f, err := c.core.search.awaitFeed(ctx, ws)
	if errors.Is(err, ErrTooLarge) { // The store answers searches, by design.
		return nil
	}
	if err != nil {
		return err
	}
	p, err := c.core.search.prove(ctx, ws, f, nil)
	if err != nil || len(p.wrong) == 0 {
		return err
	}
	return note("search", fmt.Sprintf("%d contacts are missing, outdated or too much in the index", len(p.wrong)), func() error {
		_, err := c.core.search.mend(ctx, ws, f, p.wrong)
		return err
	})
}

// checkImports looks for imports that wait for a job which has ended.
func (c *CRM) checkImports(ctx context.Context, ws WorkspaceID, _ census, note noteFunc) error {
	list, err := c.core.store.ListImports(ctx, ws, ImportQuery{Limit: feedPage})
	if err != nil {
		return err
	}
	for _, i := range list {
		if !slices.Contains([]ImportStatus{ImportCommitting, ImportUndoing}, i.Status) {
			continue
		}
		j, err := c.core.store.GetJob(ctx, ws, i.JobID)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		if err == nil && !j.Status.Final() {
			continue
		}
		err = note("imports", fmt.Sprintf("import %s is %s, but its job has ended", i.ID, i.Status), func() error {
			j.Workspace, j.Subject, j.ID = ws, i.ID, i.JobID
			return c.core.store.InTx(ctx, func(tx Tx) error { return c.Imports.ended(ctx, tx, j) })
		})
		if err != nil {
			return err
		}
	}
	return nil
}
