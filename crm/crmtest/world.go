package crmtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// ids of the records of a world.
type idSet struct {
	contact, other, trash, event, bulk, queued, job, imp, batch, blob, lease, interaction, user crm.ID
	print                                                                                       crm.Fingerprint
}

func worldIDs(ws crm.WorkspaceID) idSet {
	set := idSet{
		contact: recordID(ws, 101), other: recordID(ws, 102), trash: recordID(ws, 103), event: recordID(ws, 110),
		bulk: recordID(ws, 111), queued: recordID(ws, 112),
		job: recordID(ws, 120), imp: recordID(ws, 130), batch: recordID(ws, 140), blob: recordID(ws, 150), lease: recordID(ws, 160),
		interaction: recordID(ws, 180), user: recordID(ws, 190),
	}
	set.print = crm.Fingerprint(recordID(ws, 170))
	return set
}

// writeWorld writes a record of every kind that a transaction can write, under
// the ids that belong to the workspace.
func writeWorld(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID) error {
	return writeWorldAs(ctx, tx, ws, worldIDs(ws), "world")
}

// writeWorldAs writes a world under given ids, with a text that tells it apart.
func writeWorldAs(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet, text string) error {
	contacts := worldContacts(ws, ids, text)
	return errors.Join(
		tx.PutWorkspace(ctx, crm.Workspace{ID: ws, Name: text, Region: "US", TimeZone: "UTC", CreatedAt: day(), UpdatedAt: day(), Version: 1}, 0),
		tx.PutContacts(ctx, ws, newWrites(contacts)),
		tx.PutInteractions(ctx, ws, interactionWrites(worldInteraction(ws, ids, text))),
		tx.PutInsights(ctx, ws, []crm.StoredInsight{worldInsight(ids, text)}),
		tx.PutView(ctx, ws, ids.user, ids.contact, day(), 9),
		tx.AddTagCounts(ctx, ws, []crm.TagDelta{{Key: "vip", Name: text, Delta: 2}}),
		tx.AddToSeries(ctx, ws, []crm.SeriesDelta{{Series: crm.SeriesContacts, Slot: crm.SlotOf(day()), Delta: len(text)}}),
		tx.PutImages(ctx, ws, []crm.Image{{Contact: ids.contact, Version: 1, Batch: ids.batch, At: day(), After: &contacts[0]}}),
		tx.AppendEvents(ctx, ws, []crm.Event{{
			ID: ids.event, Type: crm.EventContactCreated, At: day(), Version: 1,
			Subject: crm.Subject{Kind: crm.SubjectContact, ID: ids.contact}, Changed: []string{text},
		}, {
			ID: ids.bulk, Type: crm.EventContactUpdated, At: day(), Version: 2, Batch: ids.batch,
			Subject: crm.Subject{Kind: crm.SubjectContact, ID: ids.contact}, Changed: []string{text},
		}, {
			ID: ids.queued, Type: crm.EventJobQueued, At: day(), Batch: ids.batch, Owner: ids.contact,
			Subject: crm.Subject{Kind: "job", ID: ids.job}, Changed: []string{text},
		}}),
		tx.PutJob(ctx, ws, worldJob(ws, ids, text), 0),
		tx.PutImport(ctx, ws, crm.Import{
			ID: ids.imp, Format: "csv", FileName: text, Status: crm.ImportReady, OnDuplicate: crm.DuplicateUpdate,
			CreatedAt: day(), UpdatedAt: day(), Version: 1,
		}, 0),
		tx.PutImportRows(ctx, ws, ids.imp, []crm.ImportRow{{Row: 1, Outcome: crm.RowCreated, Contact: ids.contact, Kept: []string{text}}}),
		tx.PutFingerprints(ctx, ws, []crm.FingerprintMark{{Fingerprint: ids.print, Contact: ids.contact, Batch: ids.batch}}),
		tx.PutIdempotencyRecord(ctx, ws, crm.IdempotencyRecord{
			Key: "key", CreatedAt: day(), Answer: &crm.SavedAnswer{Status: 200, Body: []byte(text)},
		}),
	)
}

func worldContacts(ws crm.WorkspaceID, ids idSet, text string) []crm.Contact {
	alike := func(id crm.ID, sourceID string, changes ...func(*crm.Contact)) crm.Contact {
		return contactOf(ws, 1, append([]func(*crm.Contact){func(c *crm.Contact) {
			c.ID, c.DisplayName, c.Tags, c.SourceID = id, text, []string{"vip"}, sourceID
			c.Emails = []crm.Email{{Address: "same@example.com", Primary: true}}
		}}, changes...)...)
	}
	return []crm.Contact{alike(ids.contact, "1"), alike(ids.other, "2"), alike(ids.trash, "3", trashed)}
}

// worldInteraction is one with a contact and with somebody else.
func worldInteraction(ws crm.WorkspaceID, ids idSet, text string) crm.Interaction {
	i := interactionOf(ws, 1, ids.contact)
	i.ID, i.Subject, i.SourceID, i.Batch = ids.interaction, text, "1", ids.batch
	i.Participants = append(i.Participants, crm.Participant{Role: crm.RoleTo, Name: text, Address: "stranger@example.com"})
	return i
}

// worldInsight is due.
func worldInsight(ids idSet, text string) crm.StoredInsight {
	return crm.StoredInsight{
		Contact: ids.contact, Score: len(text), DueAt: day(), Priority: 5, Trend: crm.TrendSteady, Chance: len(text), ComputedAt: day(),
	}
}

// worldJob is running under a lease.
func worldJob(ws crm.WorkspaceID, ids idSet, text string) crm.Job {
	return crm.Job{
		ID: ids.job, Workspace: ws, Kind: crm.JobBulkUpdate, Status: crm.JobRunning, Lease: ids.lease, Subject: ids.imp, Batch: ids.batch,
		Payload: []byte(fmt.Sprintf("%q", text)), MaxAttempts: 5, CreatedAt: day(), RunAt: day(), Version: 1,
		Actor: crm.JobActor{User: ids.contact, Role: crm.RoleMember, Kind: crm.ActorUser},
	}
}

// dump is everything that a transaction can read of a workspace.
type dump struct {
	workspace, contacts, keys, figures, tags, images, jobs, jobCounts, imports, rows, prints, answers []string
	interactions, timeline, strangers, series, events, feed, batches, insights, views                 []string
	head                                                                                              crm.Position
}

func (f *fixture) dump(ws crm.WorkspaceID) dump {
	f.Helper()
	d, err := dumpOf(f.Context(), f.s, ws)
	f.ok("reading the workspace", err)
	return d
}

// dumpOf reads the world that [writeWorld] writes, and every contact and event.
func dumpOf(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID) (dump, error) {
	return dumpAs(ctx, tx, ws, worldIDs(ws))
}

func dumpAs(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) (dump, error) {
	var d dump
	err := errors.Join(d.readContacts(ctx, tx, ws), d.readInteractions(ctx, tx, ws, ids), d.readDerived(ctx, tx, ws, ids),
		d.readRecords(ctx, tx, ws, ids), d.readLog(ctx, tx, ws), d.readFeed(ctx, tx, ws, ids))
	return d, err
}

func (d *dump) readContacts(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID) error {
	for _, trash := range []bool{false, true} {
		where := crm.ContactCriteria{Trash: trash}
		ids, err := tx.ListContactIDs(ctx, ws, where, crm.ID{}, 1_000)
		if err != nil {
			return fmt.Errorf("list ids: %w", err)
		}
		contacts, err := tx.GetContacts(ctx, ws, ids)
		if err != nil {
			return fmt.Errorf("get contacts: %w", err)
		}
		d.contacts = append(d.contacts, lines(contacts)...)
		n, err := tx.CountContacts(ctx, ws, where, 0)
		if err != nil {
			return fmt.Errorf("count contacts: %w", err)
		}
		if n > 0 {
			d.figures = append(d.figures, fmt.Sprintf("trash %t: %d", trash, n))
		}
	}
	hits, err := tx.FindContacts(ctx, ws, []crm.ContactKey{
		crm.EmailKey("same@example.com"),
		{Kind: crm.KeyTag, Value: "vip"},
		crm.SourceKey("manual", "1"), crm.SourceKey("manual", "2"), crm.SourceKey("manual", "3"),
	})
	slices.SortFunc(hits, compareHits)
	d.keys = lines(hits)
	return err
}

func (d *dump) readInteractions(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) error {
	all, err1 := tx.ListInteractionIDs(ctx, ws, crm.InteractionCriteria{}, crm.ID{}, 1_000)
	interactions, err2 := tx.GetInteractions(ctx, ws, all)
	timeline, err3 := tx.ListInteractions(ctx, ws, crm.InteractionQuery{Contact: ids.contact, Limit: 100})
	stranger := crm.InteractionCriteria{Stranger: crm.EmailKey("stranger@example.com")}
	strangers, err4 := tx.ListInteractionIDs(ctx, ws, stranger, crm.ID{}, 100)
	series, err5 := tx.ReadSeries(ctx, ws, crm.SeriesContacts, 0, 1<<40)
	d.interactions, d.timeline, d.strangers, d.series = lines(interactions), lines(timeline), lines(strangers), lines(series)
	return errors.Join(err1, err2, err3, err4, err5)
}

func (d *dump) readDerived(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) error {
	insights, err1 := tx.GetInsights(ctx, ws, []crm.ID{ids.contact, ids.other, ids.trash})
	focus, err2 := tx.ListFocus(ctx, ws, nil, 100)
	due, err3 := tx.CountFollowUps(ctx, ws, day(), 100)
	views, err4 := tx.ListViews(ctx, ws, ids.user, 100)
	counts, err5 := tx.CountViews(ctx, ws, []crm.ID{ids.contact, ids.other, ids.trash})
	if len(insights)+len(focus)+due > 0 {
		d.insights = append(slices.Concat(lines(insights), lines(focus)), fmt.Sprintf("%d due", due))
	}
	if len(views)+len(counts) > 0 {
		d.views = append(lines(views), fmt.Sprint(counts))
	}
	return errors.Join(err1, err2, err3, err4, err5)
}

func (d *dump) readRecords(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) error {
	w, err := tx.GetWorkspace(ctx, ws)
	if err == nil {
		d.workspace = lines([]crm.Workspace{w})
	} else if !errors.Is(err, crm.ErrNotFound) {
		return fmt.Errorf("get workspace: %w", err)
	}
	answer, err := tx.GetIdempotencyRecord(ctx, ws, "key")
	if err == nil {
		d.answers = lines([]crm.IdempotencyRecord{answer})
	} else if !errors.Is(err, crm.ErrNotFound) {
		return fmt.Errorf("get idempotency record: %w", err)
	}
	tags, err1 := tx.ListTags(ctx, ws)
	images, err2 := tx.ListImages(ctx, ws, ids.batch, crm.ID{}, 100)
	jobs, err3 := tx.ListJobs(ctx, ws, crm.JobQuery{Limit: 100})
	counts, err4 := tx.CountJobs(ctx, ws, crm.JobQuery{})
	imports, err5 := tx.ListImports(ctx, ws, crm.ImportQuery{Limit: 100})
	rows, err6 := tx.ListImportRows(ctx, ws, ids.imp, crm.ImportRowQuery{Limit: 100})
	prints, err7 := tx.FindFingerprints(ctx, ws, []crm.Fingerprint{ids.print})
	d.tags, d.images, d.jobs, d.jobCounts = lines(tags), lines(images), lines(jobs), lines(counts)
	d.imports, d.rows, d.prints = lines(imports), lines(rows), lines(prints)
	slices.Sort(d.jobCounts) // They come in no order.
	return errors.Join(err1, err2, err3, err4, err5, err6, err7)
}

func (d *dump) readLog(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID) error {
	events, err := tx.ListEvents(ctx, ws, 0, 1_000)
	if err != nil {
		return fmt.Errorf("list events: %w", err)
	}
	d.events = lines(events)
	d.head, err = tx.EventHead(ctx, ws)
	return err
}

func (d *dump) readFeed(ctx context.Context, tx crm.Tx, ws crm.WorkspaceID, ids idSet) error {
	types, err1 := tx.FeedTypes(ctx, ws)
	entries, err2 := tx.ListFeed(ctx, ws, crm.FeedQuery{Types: types, Limit: 100})
	own, err3 := tx.ListFeed(ctx, ws, crm.FeedQuery{OwnTypes: types, Owner: ids.contact, Limit: 100})
	about, err4 := tx.ListSubjectEvents(ctx, ws, ids.contact, 0, 100)
	counts, err5 := tx.CountBatches(ctx, ws, []crm.ID{ids.batch})
	d.feed = slices.Concat(lines(types), lines(entries), lines(own), lines(about))
	d.batches = lines(counts)
	slices.Sort(d.batches)
	return errors.Join(err1, err2, err3, err4, err5)
}

// lines prints each value with everything behind its pointers.
func lines[T any](values []T) []string {
	var out []string
	for _, v := range values {
		text, err := json.Marshal(v)
		if err != nil {
			text = []byte(err.Error())
		}
		out = append(out, string(text))
	}
	return out
}

type section struct {
	name string
	rows []string
}

func (d dump) sections() []section {
	return []section{
		{"workspace", d.workspace},
		{"contacts", d.contacts},
		{"keys", d.keys},
		{"figures", d.figures},
		{"tags", d.tags},
		{"images", d.images},
		{"interactions", d.interactions},
		{"timeline", d.timeline},
		{"strangers", d.strangers},
		{"series", d.series},
		{"insights", d.insights},
		{"views", d.views},
		{"jobs", d.jobs},
		{"job counts", d.jobCounts},
		{"imports", d.imports},
		{"import rows", d.rows},
		{"fingerprints", d.prints},
		{"idempotency records", d.answers},
		{"events", d.events},
		{"feed", d.feed},
		{"batches", d.batches},
	}
}

// missing names the first kind of record of which there is none, or returns "".
func (d dump) missing() string {
	for _, s := range d.sections() {
		if len(s.rows) == 0 {
			return s.name
		}
	}
	return ""
}

// diff says in which kind of record d is not as want, or returns "".
func (d dump) diff(want dump) string {
	wanted := want.sections()
	for i, s := range d.sections() {
		if !slices.Equal(s.rows, wanted[i].rows) {
			return fmt.Sprintf("%s:\n got %s\nwant %s", s.name, s.rows, wanted[i].rows)
		}
	}
	if d.head != want.head {
		return fmt.Sprintf("event head: got %d, want %d", d.head, want.head)
	}
	return ""
}

// longAgo is before every fixture.
func longAgo() time.Time { return day().Add(-1_000 * time.Hour) }
