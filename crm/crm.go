package crm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// Config wires a CRM. Only Store is required; every other field has a default
// that works.
type Config struct {
	// Store keeps everything. Required. The CRM does not close it: who opens, closes.
	Store Store
	// Search finds contacts. While it fails or is too slow the store answers,
	// and it is asked again until it is back. Default: an index in this
	// process's memory, made from the store at the start for the workspaces
	// where most is done, for others on first use.
	Search SearchIndex
	// SearchMemory bounds the built-in index, in bytes; beyond it the
	// workspaces used longest ago are dropped, and one that is too big alone
	// is searched in the store. Default 1 GiB.
	SearchMemory int64
	// SearchTimeout bounds one question to Search; the store answers what is
	// not answered in time. Writes have ten times as long. Default 2 s.
	SearchTimeout time.Duration
	// SearchCheck is how often each loaded index is held against the store,
	// slowly and in the background; negative means never. Default 1 h.
	SearchCheck time.Duration
	// Queue delivers job ids. The rows of the store stay the truth: due jobs are
	// handed to it until somebody takes them, and while it fails the store
	// delivers. Default: the store's own.
	Queue JobQueue
	// Blobs keeps files. Default: rows in the store.
	Blobs Blobs
	// Phones parses phone numbers. Default: international numbers, and
	// national ones of the North American plan; adapters/phone knows every country.
	Phones Phones
	// Formats are the file formats of import and export beside JSON lines.
	// Default: none.
	Formats []Format
	// Workers is how many jobs run at once in this process; negative means
	// none. Default 4.
	Workers int
	// Names knows how users and API keys are called that activity names. Default:
	// they have no names; crm/identity knows its own.
	Names Namer
	// EventRetention is how long the event log is kept, of which the feed, the
	// audit and the resuming of streams live; negative means for ever. The newest
	// event of a workspace, and what a durable consumer has not read, stays longer.
	// Default 400 days.
	EventRetention time.Duration
	// JobRetention is how long jobs that have ended are kept, with their results
	// and errors; negative means for ever. Without its job a bulk action cannot be
	// undone, which is possible for 30 days. Default 90 days.
	JobRetention time.Duration
	// MaxStreams bounds the open streams of activity. Each takes some 40 KB with
	// its connection. Default 10,000.
	MaxStreams int
	// JobGrace is how long a job's handler may go on after its context ended,
	// before it is reported and left behind. Default 5 s.
	JobGrace time.Duration
	// Now is the clock. Default time.Now.
	Now func() time.Time
	// NewID makes ids; they must be unique and should grow. Default [NewID].
	NewID func() ID
	// Observer is told of jobs and searches, for metrics and traces. Default
	// nobody.
	Observer Observer
	// Logger takes what background work has to say. Default slog.Default().
	Logger *slog.Logger
	// Version is shown by health and status. Default "dev".
	Version string
}

// tenantStore is what services that act for an actor hold: nothing that
// crosses workspaces.
type tenantStore interface {
	Tx
	Transactor
}

// core is what the services share.
type core struct {
	store      tenantStore
	blobs      Blobs
	phones     Phones
	formats    []Format
	now        func() time.Time
	newID      func() ID
	log        *slog.Logger
	observer   Observer
	search     *searcher
	names      Namer
	watch      *logWatch
	workspaces *WorkspaceService
	jobs       *JobService
	// callers counts the writes that somebody waited for in this process.
	callers atomic.Int64
	// undoImport, importEnded and dropImportFile are set by the import service, which the
	// services above it must not know.
	undoImport     func(ctx context.Context, actor Actor, id ID, guard func(Tx, *Import) error) (Import, Job, error)
	importEnded    func(ctx context.Context, tx Tx, j Job) error
	dropImportFile func(ctx context.Context, ws WorkspaceID, id ID) error
}

// CRM is one instance: a struct of services. Several can live in one process.
// All services are safe for parallel use.
type CRM struct {
	Contacts     *ContactService
	Interactions *InteractionService
	Insights     *InsightService
	Tags         *TagService
	Dashboard    *DashboardService
	Imports      *ImportService
	Exports      *ExportService
	Jobs         *JobService
	Search       *SearchService
	Workspaces   *WorkspaceService
	Idempotency  *IdempotencyService
	Activity     *ActivityService

	core                    *core
	consumers               *eventConsumers
	retention, jobRetention time.Duration
	system                  SystemStore
	runner                  *jobRunner
	writes                  *writeProbe
	version                 string
	// foreignBlobs says that files do not lie in the store.
	foreignBlobs bool

	mu     sync.Mutex
	cancel context.CancelFunc
	closed bool
	group  sync.WaitGroup
}

// New checks the configuration and wires the services. It starts nothing and
// runs no migration: see [CRM.Start].
func New(c Config) (*CRM, error) {
	if c.Store == nil {
		return nil, fmt.Errorf("new crm: %w", Invalid("Store", CodeRequired, "must be given, for instance by sqlite.Open"))
	}
	foreignBlobs := c.Blobs != nil
	c = withDefaults(c)
	k := &core{
		store: keyedStore{c.Store}, blobs: c.Blobs, phones: c.Phones, formats: append([]Format{JSONLines{}}, c.Formats...),
		now: microClock(c.Now), newID: c.NewID, log: c.Logger, observer: c.Observer,
	}
	if err := checkFormats(k.formats); err != nil {
		return nil, fmt.Errorf("new crm: %w", err)
	}
	k.names, k.watch = c.Names, newLogWatch(c.Store.LogState, c.Logger)
	k.workspaces = newWorkspaceService(k)
	k.search = newSearcher(k, searchSettings{index: c.Search, memory: c.SearchMemory, timeout: c.SearchTimeout, proveEvery: c.SearchCheck})
	delivery := newJobDelivery(c.Store, c.Queue, c.Logger)
	k.jobs = newJobService(k, delivery)
	app := &CRM{
		Contacts: &ContactService{core: k}, Interactions: &InteractionService{core: k}, Insights: &InsightService{core: k},
		Tags: &TagService{core: k}, Exports: &ExportService{core: k}, Jobs: k.jobs,
		Search: &SearchService{core: k}, Workspaces: k.workspaces, Idempotency: &IdempotencyService{store: c.Store, now: k.now},
		core: k, system: c.Store, version: c.Version, foreignBlobs: foreignBlobs,
	}
	app.Activity = &ActivityService{core: k, hub: newStreamHub(k, k.watch, c.Store.EventsAfter, c.MaxStreams)}
	app.consumers = &eventConsumers{readers: c.Store, after: c.Store.EventsAfter, watch: k.watch, newID: k.newID, log: k.log}
	app.consumers.register("links", k.relink)
	app.consumers.register(insightConsumer, app.Insights.consume)
	app.retention, app.jobRetention = c.EventRetention, c.JobRetention
	app.writes = &writeProbe{ask: c.Store.ProbeWrite, start: app.inBackground, log: c.Logger}
	app.Dashboard = &DashboardService{core: k, activity: app.Activity, health: app.Health, insights: app.Insights, start: app.inBackground}
	app.Imports = newImportService(k)
	app.runner = newJobRunner(k, c.Store, delivery, c.Workers, c.JobGrace)
	app.Imports.runner = app.runner
	k.jobs.register(JobContactImport, JobOptions{Timeout: 24 * time.Hour}, app.Imports.runJob)
	k.jobs.register(JobContactExport, JobOptions{Timeout: time.Hour}, app.Exports.runExportJob)
	k.jobs.register(JobBulkUpdate, JobOptions{Timeout: 6 * time.Hour}, app.Contacts.runBulkJob)
	k.jobs.register(JobPurge, JobOptions{Timeout: time.Hour}, app.runPurge)
	k.jobs.register(JobDedupe, dedupeOptions(), app.Contacts.runDedupe)
	k.jobs.register(JobReindex, JobOptions{Timeout: 6 * time.Hour}, app.runReindex)
	k.jobs.register(JobInsight, JobOptions{Timeout: 6 * time.Hour}, app.runInsights)
	k.jobs.every(JobInsight, insightEvery)
	k.jobs.every(JobPurge, purgeEvery)
	return app, nil
}

func withDefaults(c Config) Config {
	if c.SearchMemory == 0 {
		c.SearchMemory = 1 << 30
	}
	if c.SearchTimeout <= 0 {
		c.SearchTimeout = 2 * time.Second
	}
	if c.SearchCheck == 0 {
		c.SearchCheck = time.Hour
	}
	if c.Blobs == nil {
		c.Blobs = c.Store
	}
	if c.Phones == nil {
		c.Phones = plainPhones{}
	}
	if c.Workers == 0 {
		c.Workers = 4
	}
	if c.EventRetention == 0 {
		c.EventRetention = 400 * 24 * time.Hour
	}
	if c.JobRetention == 0 {
		c.JobRetention = 90 * 24 * time.Hour
	}
	if c.MaxStreams <= 0 {
		c.MaxStreams = 10_000
	}
	if c.JobGrace <= 0 {
		c.JobGrace = 5 * time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.NewID == nil {
		c.NewID = NewID
	}
	if c.Observer == nil {
		c.Observer = nobody{}
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	c.Logger = withoutRepeats(c.Logger, time.Now)
	if c.Version == "" {
		c.Version = "dev"
	}
	return c
}

// microClock keeps times as stores keep them: UTC, whole microseconds.
func microClock(now func() time.Time) func() time.Time {
	return func() time.Time { return now().UTC().Truncate(time.Microsecond) }
}

func checkFormats(formats []Format) error {
	seen := map[string]bool{}
	for _, f := range formats {
		if seen[f.FormatName()] {
			return Invalid("Formats", CodeDuplicate, "must not name a format twice")
		}
		seen[f.FormatName()] = true
	}
	return nil
}

// Start begins the background work: workers, the search index's feed, streams of
// activity, durable consumers of the event log, what runs periodically. It returns
// at once; the work ends with ctx or with Close, whichever is first. A second
// call, or one after Close, is an error, and so is one where a restore is
// unfinished, see [CRM.Opened].
func (c *CRM) Start(ctx context.Context) error {
	if err := c.opened(ctx); err != nil {
		return fmt.Errorf("start crm: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return fmt.Errorf("start crm: closed: %w", ErrUnavailable)
	}
	if c.cancel != nil {
		return fmt.Errorf("start crm: %w", errors.New("started already"))
	}
	c.core.jobs.seal()
	ctx, c.cancel = context.WithCancel(ctx)
	c.Activity.hub.start()
	for _, run := range []func(context.Context){
		c.core.search.run, c.warmSearch, c.runner.run, c.core.watch.run, c.Activity.hub.run, c.consumers.run,
	} {
		c.group.Go(func() {
			run(ctx)
		})
	}
	return nil
}

// warmWorkspaces is how many indexes are loaded at the start, at most.
const warmWorkspaces = 100

// warmSearch loads the search indexes of the workspaces where most is done.
func (c *CRM) warmSearch(ctx context.Context) {
	busy, err := c.system.BusyWorkspaces(ctx, warmWorkspaces)
	if err != nil {
		if ctx.Err() == nil {
			c.core.log.Warn("search indexes not loaded ahead", "error", err)
		}
		return
	}
	c.core.search.warm(ctx, busy)
	if len(busy) > 0 && ctx.Err() == nil {
		// What the loads left behind would stay for minutes in a process that
		// then has nothing to do.
		debug.FreeOSMemory()
	}
}

// inBackground runs f beside its caller; Close waits for it. After Close it does
// not run, and the answer is false.
func (c *CRM) inBackground(f func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.group.Go(f)
	return true
}

// Close ends the background work and waits for it: running jobs are parked
// where they stand and go on at the next start, here or elsewhere. Twice is
// fine. The store stays open.
func (c *CRM) Close() error {
	c.mu.Lock()
	c.closed = true
	if c.cancel != nil {
		c.cancel()
	}
	c.mu.Unlock()
	c.group.Wait()
	c.core.search.close()
	return nil
}

// EndStreams ends the open streams of activity and refuses new ones, for a server
// that stops taking requests before the CRM is closed:
//
//	server.RegisterOnShutdown(app.EndStreams)
func (c *CRM) EndStreams() { c.Activity.hub.close() }

// Formats returns the file formats, JSON lines first.
func (c *CRM) Formats() []Format { return append([]Format(nil), c.core.formats...) }
