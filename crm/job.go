package crm

import (
	"context"
	"fmt"
	"time"
)

// JobKind names what a job does.
type JobKind string

// The built-in kinds.
const (
	JobContactImport JobKind = "contact_import"
	JobContactExport JobKind = "contact_export"
	JobBulkUpdate    JobKind = "bulk_update"
	JobDedupe        JobKind = "dedupe"
	JobPurge         JobKind = "purge"
	JobReindex       JobKind = "reindex"
	JobInsight       JobKind = "insight"
)

// JobStatus is where a job stands.
type JobStatus string

// The states of a job. Succeeded, failed and cancelled are final until a
// retry by hand.
const (
	JobQueued    JobStatus = "queued"    // due now, whatever RunAt says
	JobScheduled JobStatus = "scheduled" // due later, not tried yet
	JobRunning   JobStatus = "running"   // held by a worker
	JobRetrying  JobStatus = "retrying"  // failed, due again later
	JobSucceeded JobStatus = "succeeded"
	JobFailed    JobStatus = "failed"
	JobCancelled JobStatus = "cancelled"
)

// JobStatuses lists the states.
func JobStatuses() []JobStatus {
	return []JobStatus{JobQueued, JobScheduled, JobRunning, JobRetrying, JobSucceeded, JobFailed, JobCancelled}
}

// Final reports whether nothing more happens by itself.
func (s JobStatus) Final() bool {
	return s == JobSucceeded || s == JobFailed || s == JobCancelled
}

// JobPriority orders the waiting jobs of one workspace. It never puts one
// workspace before another.
type JobPriority int

// The priorities. A waiting job of a lower one is handed out when none of a
// higher one waits in its workspace.
const (
	PriorityLow    JobPriority = -1
	PriorityNormal JobPriority = 0
	PriorityHigh   JobPriority = 1
)

// String returns low, normal or high.
func (p JobPriority) String() string {
	switch {
	case p < PriorityNormal:
		return "low"
	case p > PriorityNormal:
		return "high"
	}
	return "normal"
}

// Job is one piece of background work. The row is the truth about it; a queue
// only delivers its id.
type Job struct {
	ID        ID
	Workspace WorkspaceID
	Kind      JobKind
	Status    JobStatus
	// Subject is what the job is about (an import's id, ...). At most one
	// unfinished job of a workspace has the same kind and subject; jobs without
	// one do not stand in each other's way.
	Subject ID
	// Priority puts it before or behind the other waiting jobs of its workspace.
	Priority JobPriority
	// Actor is who asked for it, with the role and scopes of that moment.
	Actor JobActor
	// Payload is the handler's input, JSON, at most 64 KB. Checkpoint is where
	// it goes on after a loss. Result is what it reports, JSON.
	Payload    []byte
	Checkpoint []byte
	Result     []byte
	Done       int64
	Total      int64
	// Attempt counts the attempts begun, Losses the leases lost since the last
	// progress.
	Attempt     int
	MaxAttempts int
	Losses      int
	ErrorCode   string
	ErrorText   string
	Batch       ID
	CancelAsked bool
	CreatedAt   time.Time
	RunAt       time.Time
	StartedAt   time.Time
	FinishedAt  time.Time
	// Lease is the token of the claim that holds the job, zero when none does.
	Lease ID
	// Version grows with every write of the row.
	Version int64
}

// JobActor is the part of an [Actor] that a job row keeps.
type JobActor struct {
	User   ID        `json:"user"`
	Role   Role      `json:"role"`
	Scopes []Scope   `json:"scopes"`
	Kind   ActorKind `json:"kind,omitempty"`
	// Origin is the request that asked for the job.
	Origin Origin `json:"origin,omitzero"`
}

// JobQuery lists jobs, newest first.
type JobQuery struct {
	Statuses []JobStatus
	Kinds    []JobKind
	Batch    ID
	// User, when not zero, keeps to the jobs that this user asked for.
	User ID
	// Before, when not zero, keeps to ids that sort before it.
	Before ID
	Limit  int
}

// JobCount is the number of jobs of one kind in one state.
type JobCount struct {
	Kind   JobKind
	Status JobStatus
	Count  int
}

// JobStore keeps job rows. The zero workspace is the installation's own: the
// rows of periodic jobs lie there, and no actor ever sees it.
type JobStore interface {
	// PutJob inserts j when expect is 0, else replaces the row whose version
	// is expect. ConflictExists, with its id, when there is a job with that id
	// already, and when j is unfinished, its Subject is not zero and another
	// unfinished job has the same kind and subject; ConflictStale when
	// the version differs. A job put as running with a Lease holds that lease
	// for 10 seconds of the database's time.
	PutJob(ctx context.Context, ws WorkspaceID, j Job, expect int64) error
	// GetJob returns the job, or ErrNotFound.
	GetJob(ctx context.Context, ws WorkspaceID, id ID) (Job, error)
	// ListJobs returns a page, newest (highest id) first.
	ListJobs(ctx context.Context, ws WorkspaceID, q JobQuery) ([]Job, error)
	// CountJobs counts by kind and state, in no order, the jobs that ListJobs
	// returns in all for q; Before and Limit count for nothing.
	CountJobs(ctx context.Context, ws WorkspaceID, q JobQuery) ([]JobCount, error)
	// CheckLease returns nil when the job is running under this lease, and a
	// *ConflictError with ConflictStale otherwise. Inside a transaction it
	// also keeps the lease from changing until the end, so that a job that
	// lost its lease cannot write.
	CheckLease(ctx context.Context, ws WorkspaceID, id, lease ID) error
}

// JobTicket is what a queue delivers.
type JobTicket struct {
	Workspace WorkspaceID
	Job       ID
	Kind      JobKind
	// Priority is that of the row, for a queue that can use it. It is nothing to a
	// claim, and a queue need not bring it back.
	Priority JobPriority
}

// JobWant is a kind of which a worker can run jobs.
type JobWant struct {
	Kind JobKind
	// PerWorkspace is how many jobs of the kind may run at once in one
	// workspace, over all processes; 0 is no bound.
	PerWorkspace int
}

// JobQueue brings the ids of due jobs to workers. It may lose or double them:
// the claim on the row decides, and what is due and was not received is handed
// over again. A store's own queue is proven by crmtest.TestJobQueue, one given
// in Config.Queue by crmtest.TestJobDelivery.
type JobQueue interface {
	// DispatchJobs hands tickets over; those of one job may come again, after a
	// loss or for its next attempt, also while an earlier one still lies there.
	// The built-in queue needs none: it reads the table. A given one that is first
	// in, first out keeps few: when it holds as many as are taken within a fraction
	// of a second it answers a *QueueFullError. What it refused is handed over later,
	// one workspace after the other, so that nobody waits for another's backlog. A
	// call without tickets tells whether the queue would take some.
	DispatchJobs(ctx context.Context, tickets []JobTicket) error
	// ReceiveJobs returns up to limit tickets of due jobs of the kinds, fair
	// between workspaces: the backlog of one does not hide another's job. A
	// store's own brings those of one workspace by priority, the highest first,
	// then the longest waiting, and leaves out what PerWorkspace forbids for now;
	// a given one may bring them in any order, and more. The store's own tell the
	// priority of each. It returns at once, with none when nothing is due; an idle
	// process asks a given one 50 times a second.
	ReceiveJobs(ctx context.Context, wants []JobWant, limit int) ([]JobTicket, error)
}

// QueueFullError is the answer of a given queue that holds enough for now.
type QueueFullError struct {
	// Taken is how many of the tickets it has taken, the first ones.
	Taken int
}

// Error implements error.
func (e *QueueFullError) Error() string {
	return fmt.Sprintf("the queue holds enough for now and took %d tickets", e.Taken)
}

// Unwrap returns [ErrUnavailable].
func (e *QueueFullError) Unwrap() error { return ErrUnavailable }

// JobClaim is how jobs are taken.
type JobClaim struct {
	// Lease is the token that they are held under.
	Lease ID
	// Valid is how long the lease holds without being extended.
	Valid time.Duration
	// PerWorkspace bounds how many jobs of a kind run at once in one workspace,
	// whatever process runs them; kinds that are not named have no bound.
	PerWorkspace map[JobKind]int
}

// JobClaimer is the part of the system store that workers and the reconciler
// use. Times are the database's own, never the caller's.
type JobClaimer interface {
	// ClaimJobs takes those of the tickets that are due and free: state
	// running, attempt plus one, lease set, valid for the time given. It
	// returns the claimed jobs; those another worker has, those that somebody is
	// writing at the moment, those of another kind than the ticket says, and
	// those beyond PerWorkspace, are left out. The first tickets win, a job comes
	// once, and a lease that ran out counts as running until it is released.
	ClaimJobs(ctx context.Context, tickets []JobTicket, claim JobClaim) ([]Job, error)
	// ExtendLease prolongs the lease and stores the progress (negative: leave
	// it); progress that has grown sets Losses back to 0. It returns the job as it is now (CancelAsked tells the handler), or
	// a *ConflictError with ConflictStale when the lease is lost.
	ExtendLease(ctx context.Context, ws WorkspaceID, id, lease ID, valid time.Duration, done, total int64) (Job, error)
	// ReleaseLost makes jobs whose lease ran out due again, at most limit. The
	// attempt is taken back, but not below 0, Losses grows, time and priority
	// stay, and so the place; a job with maxLosses fails with code "lost". One
	// that a transaction is writing under its lease may be left for later. It returns how many there were.
	ReleaseLost(ctx context.Context, maxLosses, limit int) (int, error)
	// NextDue returns how long until the earliest due or retrying job of the
	// kinds, 0 when one is due now, and false when there is none.
	NextDue(ctx context.Context, kinds []JobKind) (time.Duration, bool, error)
	// CancelAsked returns those of the running jobs held under the lease that
	// somebody has asked to cancel, in no order. Each worker asks several times a
	// second, so that it costs next to nothing while there are none.
	CancelAsked(ctx context.Context, lease ID) ([]JobTicket, error)
	// PurgeJobs removes up to limit jobs that were made and have ended, however
	// that was, before the time, and returns how many. Nothing else changes.
	PurgeJobs(ctx context.Context, before time.Time, limit int) (int, error)
}
