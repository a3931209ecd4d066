package crmtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// tenancyCases holds a call for every method of crm.Tx.
func tenancyCases() map[string]tenancyCall {
	cases := map[string]tenancyCall{}
	for _, more := range []map[string]tenancyCall{contactCases(), interactionCases(), seriesCases(), derivedCases(), recordCases(), jobCases(), importCases(), idempotencyCases()} {
		maps.Copy(cases, more)
	}
	return cases
}

func contactCases() map[string]tenancyCall {
	return map[string]tenancyCall{
		"GetContacts": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			got, err := tx.GetContacts(ctx, ws, []crm.ID{ids.contact, ids.other, ids.trash})
			return lines(got), err
		},
		"ListContacts": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			var all []string
			for _, q := range foreignQueries() {
				got, err := tx.ListContacts(ctx, ws, q)
				if err != nil {
					return nil, err
				}
				all = append(all, lines(got)...)
			}
			return all, nil
		},
		"CountContacts": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			var all []int
			for _, q := range foreignQueries() {
				for _, atMost := range []int{0, 1} {
					got, err := tx.CountContacts(ctx, ws, q.Where, atMost)
					if err != nil {
						return nil, err
					}
					all = append(all, got)
				}
			}
			return lines(all), nil
		},
		"ListContactIDs": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			var all []string
			for _, q := range foreignQueries() {
				got, err := tx.ListContactIDs(ctx, ws, q.Where, crm.ID{}, 100)
				if err != nil {
					return nil, err
				}
				all = append(all, lines(got)...)
			}
			return all, nil
		},
		"FindContacts": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			got, err := tx.FindContacts(ctx, ws, []crm.ContactKey{
				crm.EmailKey("same@example.com"), {Kind: crm.KeyTag, Value: "vip"}, crm.SourceKey("manual", "1"),
			})
			return sorted(got), err
		},
		"PutContacts": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			// New ones with the source ids of the other workspace, then changes
			// of its rows: taken for its own, or for absent.
			fresh := []crm.Contact{contactOf(ws, 801, func(c *crm.Contact) { c.SourceID = "1" }), contactOf(ws, 802)}
			fresh[1].ID = ids.other
			first := tx.PutContacts(ctx, ws, newWrites(fresh))
			change := contactOf(ws, 803, func(c *crm.Contact) { c.ID, c.Version = ids.contact, 2 })
			second := tx.PutContacts(ctx, ws, []crm.ContactWrite{crm.NewContactWrite(change, 1)})
			return []string{sayError(first), sayError(second)}, nil
		},
		"EraseContacts": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			got, err := tx.EraseContacts(ctx, ws, []crm.ID{ids.contact, ids.trash})
			return lines([]int{got}), err
		},
	}
}

func interactionCases() map[string]tenancyCall {
	return map[string]tenancyCall{
		"GetInteractions": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			got, err := tx.GetInteractions(ctx, ws, []crm.ID{ids.interaction})
			return lines(got), err
		},
		"ListInteractions": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			got, err := tx.ListInteractions(ctx, ws, crm.InteractionQuery{Contact: ids.contact, Limit: 10})
			one, err2 := tx.ListInteractions(ctx, ws, crm.InteractionQuery{Contact: ids.contact, Type: crm.InteractionEmail, Desc: true, Limit: 10})
			return slices.Concat(lines(got), lines(one), []string{sayError(err2)}), err
		},
		"CountInteractions": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			all, err := tx.CountInteractions(ctx, ws, ids.contact, "", 9)
			one, err2 := tx.CountInteractions(ctx, ws, ids.contact, crm.InteractionEmail, 9)
			return []string{fmt.Sprint(all, one), sayError(err2)}, err
		},
		"ListInteractionIDs": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			var all []string
			for _, where := range []crm.InteractionCriteria{
				{},
				{Batch: ids.batch},
				{Stranger: crm.EmailKey("stranger@example.com")},
			} {
				got, err := tx.ListInteractionIDs(ctx, ws, where, crm.ID{}, 10)
				if err != nil {
					return nil, err
				}
				all = append(all, lines(got)...)
			}
			return all, nil
		},
		"StrangerKeys": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			got, err := tx.StrangerKeys(ctx, ws, []crm.ContactKey{crm.EmailKey("stranger@example.com")})
			return lines(got), err
		},
		"FindInteractions": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			got, err := tx.FindInteractions(ctx, ws, []crm.SourceRef{{Source: "manual", SourceID: "1"}})
			return []string{fmt.Sprint(len(got))}, err
		},
		"PutInteractions": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			// New ones with the source id and the id of the other workspace's,
			// then a change of it.
			fresh := interactionOf(ws, 801, ids.contact)
			fresh.SourceID = "1"
			first := tx.PutInteractions(ctx, ws, interactionWrites(fresh))
			change := interactionOf(ws, 802, ids.other)
			change.ID, change.Version = ids.interaction, 2
			second := tx.PutInteractions(ctx, ws, []crm.InteractionWrite{crm.NewInteractionWrite(change, 1)})
			third := tx.PutInteractions(ctx, ws, interactionWrites(change))
			return []string{sayError(first), sayError(second), sayError(third)}, nil
		},
		"DeleteInteractions": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			got, err := tx.DeleteInteractions(ctx, ws, []crm.ID{ids.interaction})
			return lines([]int{got}), err
		},
		"RefreshLastInteractions": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			if err := tx.RefreshLastInteractions(ctx, ws, []crm.ID{ids.contact, ids.other}); err != nil {
				return nil, err
			}
			got, err := tx.GetContacts(ctx, ws, []crm.ID{ids.contact, ids.other})
			return lines(got), err
		},
	}
}

func derivedCases() map[string]tenancyCall {
	return map[string]tenancyCall{
		"ListTouches": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			got, err := tx.ListTouches(ctx, ws, []crm.ID{ids.contact, ids.other}, 9)
			return append(lines(got[ids.contact]), lines(got[ids.other])...), err
		},
		"PutInsights": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			mine := worldInsight(ids, "mine, and another score")
			other := mine
			mine.ComputedAt, other.Contact = day().Add(time.Hour), ids.other
			if err := tx.PutInsights(ctx, ws, []crm.StoredInsight{mine, other}); err != nil {
				return nil, err
			}
			got, err := tx.GetInsights(ctx, ws, []crm.ID{ids.contact, ids.other})
			return lines(got), err
		},
		"GetInsights": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			got, err := tx.GetInsights(ctx, ws, []crm.ID{ids.contact, ids.other})
			return lines(got), err
		},
		"DeleteInsights": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			return nil, tx.DeleteInsights(ctx, ws, []crm.ID{ids.contact, ids.other})
		},
		"ListFocus": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			got, err := tx.ListFocus(ctx, ws, nil, 9)
			more, err2 := tx.ListFocus(ctx, ws, &crm.FocusPosition{Priority: 900}, 9)
			return slices.Concat(lines(got), lines(more), []string{sayError(err2)}), err
		},
		"CountFollowUps": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			got, err := tx.CountFollowUps(ctx, ws, day(), 9)
			return lines([]int{got}), err
		},
		"PutView": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			if err := tx.PutView(ctx, ws, ids.user, ids.contact, day().Add(time.Hour), 1); err != nil {
				return nil, err
			}
			got, err := tx.ListViews(ctx, ws, ids.user, 9)
			return lines(got), err
		},
		"ListViews": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			got, err := tx.ListViews(ctx, ws, ids.user, 9)
			return lines(got), err
		},
		"CountViews": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			got, err := tx.CountViews(ctx, ws, []crm.ID{ids.contact, ids.other})
			return []string{fmt.Sprint(got[ids.contact], got[ids.other])}, err
		},
		"DeleteViews": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			return nil, tx.DeleteViews(ctx, ws, []crm.ID{ids.contact, ids.other})
		},
	}
}

// foreignQueries select what both worlds have, by each way into the data.
func foreignQueries() []crm.ContactQuery {
	yes := true
	var all []crm.ContactQuery
	for _, where := range []crm.ContactCriteria{
		{},
		{Tags: []string{"vip"}},
		{Sources: []string{"manual"}},
		{HasEmail: &yes},
		{Stages: []crm.Stage{crm.StageNone}},
		{Words: []string{"owner"}},
		{CreatedAt: crm.TimeRange{From: longAgo()}},
	} {
		for _, trash := range []bool{false, true} {
			where.Trash = trash
			for _, sort := range crm.ContactSorts() {
				all = append(all, crm.ContactQuery{Where: where, Sort: sort, Limit: 10}, crm.ContactQuery{Where: where, Sort: sort, Desc: true, Limit: 10})
			}
		}
	}
	return all
}

// sorted prints values that come in no order.
func sorted[T any](values []T) []string {
	out := lines(values)
	slices.Sort(out)
	return out
}

func seriesCases() map[string]tenancyCall {
	return map[string]tenancyCall{
		"AddToSeries": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			if err := tx.AddToSeries(ctx, ws, []crm.SeriesDelta{{Series: crm.SeriesContacts, Slot: crm.SlotOf(day()), Delta: 7}}); err != nil {
				return nil, err
			}
			got, err := tx.ReadSeries(ctx, ws, crm.SeriesContacts, 0, 1<<40)
			return lines(got), err
		},
		"ReadSeries": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			got, err := tx.ReadSeries(ctx, ws, crm.SeriesContacts, 0, 1<<40)
			return lines(got), err
		},
	}
}

func recordCases() map[string]tenancyCall {
	return map[string]tenancyCall{
		"GetWorkspace": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			got, err := tx.GetWorkspace(ctx, ws)
			return lines([]crm.Workspace{got}), err
		},
		"PutWorkspace": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			w := crm.Workspace{ID: ws, Name: "changed", Region: "FR", TimeZone: "UTC", CreatedAt: day(), UpdatedAt: day(), Version: 2}
			first := tx.PutWorkspace(ctx, w, 1)
			w.Version = 1
			return []string{sayError(first), sayError(tx.PutWorkspace(ctx, w, 0))}, nil
		},
		"ListTags": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			got, err := tx.ListTags(ctx, ws)
			return lines(got), err
		},
		"AddTagCounts": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			err := tx.AddTagCounts(ctx, ws, []crm.TagDelta{{Key: "vip", Name: "mine", Delta: 5}, {Key: "new", Name: "New", Delta: 1}})
			if err != nil {
				return nil, err
			}
			got, err := tx.ListTags(ctx, ws)
			return lines(got), err
		},
		"PutImages": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			return nil, tx.PutImages(ctx, ws, []crm.Image{{Contact: ids.contact, Version: 9, Batch: ids.batch, At: day()}})
		},
		"ListImages": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			got, err := tx.ListImages(ctx, ws, ids.batch, crm.ID{}, 10)
			return lines(got), err
		},
		"DeleteImages": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			return nil, tx.DeleteImages(ctx, ws, []crm.ID{ids.contact, ids.other})
		},
		"AppendEvents": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			e := eventOf(ws, 804)
			e.Subject.ID, e.Batch = ids.contact, ids.batch
			return nil, tx.AppendEvents(ctx, ws, []crm.Event{e})
		},
		"ListEvents": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			got, err := tx.ListEvents(ctx, ws, 0, 100)
			return lines(got), err
		},
		"EventHead": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			got, err := tx.EventHead(ctx, ws)
			return lines([]crm.Position{got}), err
		},
		"FeedTypes": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			got, err := tx.FeedTypes(ctx, ws)
			return lines(got), err
		},
		"ListFeed": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			all, err := tx.ListFeed(ctx, ws, crm.FeedQuery{Types: []crm.EventType{crm.EventContactCreated, crm.EventContactUpdated}, Limit: 10})
			own, err2 := tx.ListFeed(ctx, ws, crm.FeedQuery{OwnTypes: []crm.EventType{crm.EventJobQueued}, Owner: ids.contact, Limit: 10})
			return slices.Concat(lines(all), lines(own), []string{sayError(err2)}), err
		},
		"ListSubjectEvents": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			got, err := tx.ListSubjectEvents(ctx, ws, ids.contact, 0, 10)
			return lines(got), err
		},
		"CountBatches": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			got, err := tx.CountBatches(ctx, ws, []crm.ID{ids.batch})
			return sorted(got), err
		},
		"FindFingerprints": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			got, err := tx.FindFingerprints(ctx, ws, []crm.Fingerprint{ids.print})
			return sorted(got), err
		},
		"PutFingerprints": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			if err := tx.PutFingerprints(ctx, ws, []crm.FingerprintMark{{Fingerprint: ids.print, Contact: ids.other}}); err != nil {
				return nil, err
			}
			got, err := tx.FindFingerprints(ctx, ws, []crm.Fingerprint{ids.print})
			return sorted(got), err
		},
		"DeleteFingerprints": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			contacts := []crm.ID{ids.contact, ids.other}
			return nil, errors.Join(tx.DeleteFingerprints(ctx, ws, contacts, ids.batch), tx.DeleteFingerprints(ctx, ws, contacts, crm.ID{}))
		},
	}
}

func jobCases() map[string]tenancyCall {
	return map[string]tenancyCall{
		"PutJob": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			// A change of the other's row, then a new job about its subject.
			j := worldJob(ws, ids, "changed")
			j.Version, j.Status = 2, crm.JobCancelled
			first := tx.PutJob(ctx, ws, j, 1)
			j.ID, j.Version, j.Status = recordID(ws, 805), 1, crm.JobQueued
			return []string{sayError(first), sayError(tx.PutJob(ctx, ws, j, 0))}, nil
		},
		"GetJob": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			got, err := tx.GetJob(ctx, ws, ids.job)
			return lines([]crm.Job{got}), err
		},
		"ListJobs": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			var all []string
			for _, q := range []crm.JobQuery{
				{},
				{Batch: ids.batch},
				{User: ids.contact},
				{Kinds: []crm.JobKind{crm.JobBulkUpdate}},
				{Statuses: []crm.JobStatus{crm.JobRunning}},
				{Before: ids.lease},
			} {
				q.Limit = 10
				got, err := tx.ListJobs(ctx, ws, q)
				if err != nil {
					return nil, err
				}
				all = append(all, lines(got)...)
			}
			return all, nil
		},
		"CountJobs": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			var all []string
			for _, q := range []crm.JobQuery{{}, {Batch: ids.batch}, {User: ids.contact}, {Statuses: []crm.JobStatus{crm.JobRunning}}} {
				got, err := tx.CountJobs(ctx, ws, q)
				if err != nil {
					return nil, err
				}
				all = append(all, sorted(got)...)
			}
			return all, nil
		},
		"CheckLease": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			return nil, tx.CheckLease(ctx, ws, ids.job, ids.lease)
		},
	}
}

func importCases() map[string]tenancyCall {
	return map[string]tenancyCall{
		"PutImport": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			imp := crm.Import{ID: ids.imp, Format: "csv", FileName: "changed", CreatedAt: day(), UpdatedAt: day(), Version: 2}
			first := tx.PutImport(ctx, ws, imp, 1)
			imp.Version = 1
			return []string{sayError(first), sayError(tx.PutImport(ctx, ws, imp, 0))}, nil
		},
		"GetImport": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			got, err := tx.GetImport(ctx, ws, ids.imp)
			return lines([]crm.Import{got}), err
		},
		"ListImports": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			got, err := tx.ListImports(ctx, ws, crm.ImportQuery{Limit: 10})
			one, err2 := tx.ListImports(ctx, ws, crm.ImportQuery{User: ids.contact, Limit: 10})
			return slices.Concat(lines(got), lines(one), []string{sayError(err2)}), err
		},
		"CountImports": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			all, err := tx.CountImports(ctx, ws, crm.ID{})
			one, err2 := tx.CountImports(ctx, ws, ids.contact)
			return []string{fmt.Sprint(all, one), sayError(err2)}, err
		},
		"PutImportRows": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			if err := tx.PutImportRows(ctx, ws, ids.imp, []crm.ImportRow{{Row: 1, Outcome: crm.RowProblem}}); err != nil {
				return nil, err
			}
			got, err := tx.ListImportRows(ctx, ws, ids.imp, crm.ImportRowQuery{Limit: 10})
			return lines(got), err
		},
		"ListImportRows": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			got, err := tx.ListImportRows(ctx, ws, ids.imp, crm.ImportRowQuery{Limit: 10})
			more, err2 := tx.ListImportRows(ctx, ws, ids.imp, crm.ImportRowQuery{NotAsItStood: true, Outcomes: []crm.RowOutcome{crm.RowCreated}, Limit: 10})
			return slices.Concat(lines(got), lines(more), []string{sayError(err2)}), err
		},
		"DeleteImportRows": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			return nil, tx.DeleteImportRows(ctx, ws, ids.imp)
		},
	}
}

func idempotencyCases() map[string]tenancyCall {
	return map[string]tenancyCall{
		"GetIdempotencyRecord": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			got, err := tx.GetIdempotencyRecord(ctx, ws, "key")
			return lines([]crm.IdempotencyRecord{got}), err
		},
		"PutIdempotencyRecord": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			return nil, tx.PutIdempotencyRecord(ctx, ws, crm.IdempotencyRecord{Key: "key", Request: ids.print, CreatedAt: longAgo()})
		},
		"DeleteIdempotencyRecord": func(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) ([]string, error) {
			return nil, tx.DeleteIdempotencyRecord(ctx, ws, "key")
		},
	}
}
