package crm

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"
)

// The defaults of [JobOptions].
const (
	defaultJobTimeout = 10 * time.Minute
	// maxAttempts is how often a job is tried.
	maxAttempts = 5
	// perKind bounds how many jobs of one kind run at once in a process.
	perKind = 5
)

// JobHandler does the work of one job. Its context ends when somebody cancels
// the job, its timeout is over, its lease is lost or the CRM closes; it then
// returns soon, with whatever error. A nil error ends the job as succeeded;
// another one has it tried again later, from its checkpoint on, unless it wraps
// ErrInvalid, ErrForbidden, ErrNotFound or ErrTooLarge, which no other attempt
// would change. A job may run again after a crash that came between its work and
// the note of its end, so that handlers are idempotent or end their job in the
// transaction of their writes ([JobStep].Last). A panic fails the attempt. Called
// in parallel.
type JobHandler func(ctx context.Context, run *JobRun) error

// JobOptions are the rules of a kind. The zero value works.
type JobOptions struct {
	// Timeout bounds one attempt. Default 10 minutes.
	Timeout time.Duration
	// MaxAttempts is how often a job is tried before it has failed. Default 5.
	MaxAttempts int
	// Limit is how many jobs of the kind run at once in one process, so that
	// more processes do more. Default 5.
	Limit int
	// PerWorkspace is how many jobs of the kind run at once in one workspace,
	// over all processes. Default: no bound.
	PerWorkspace int
	// Unique refuses jobs without a subject; of those with the same subject at
	// most one is unfinished in a workspace. Default: the subject is optional.
	Unique bool
	// Priority is that of jobs that ask for none. Default [PriorityNormal].
	Priority JobPriority
	// Short says that a job takes milliseconds: up to 100 are claimed and ended
	// together, which is several times as fast, and run one after the other.
	// One that takes long after all hands the others back. Default: claimed singly.
	Short bool
	// Permission is what an actor needs to enqueue a job. Default [PermJobsOwn].
	Permission Permission
}

func (o JobOptions) withDefaults() JobOptions {
	if o.Timeout == 0 {
		o.Timeout = defaultJobTimeout
	}
	if o.MaxAttempts == 0 {
		o.MaxAttempts = maxAttempts
	}
	if o.Limit == 0 {
		o.Limit = perKind
	}
	if o.Permission == "" {
		o.Permission = PermJobsOwn
	}
	return o
}

func (o JobOptions) check(p *problems) {
	for _, bound := range []struct {
		field string
		value int64
	}{
		{"Timeout", int64(o.Timeout)},
		{"MaxAttempts", int64(o.MaxAttempts)},
		{"Limit", int64(o.Limit)},
		{"PerWorkspace", int64(o.PerWorkspace)},
	} {
		if bound.value < 0 {
			p.add(bound.field, CodeInvalid, "must not be negative")
		}
	}
	o.Priority.check(p, "Priority")
	if _, ok := accessTable(o.Permission); o.Permission != "" && !ok {
		p.add("Permission", CodeUnknown, "must be one of the permissions of this package")
	}
}

func (p JobPriority) check(found *problems, field string) {
	if p < PriorityLow || p > PriorityHigh {
		found.add(field, CodeUnknown, "must be low, normal or high")
	}
}

// jobKind is a kind that this process can run.
type jobKind struct {
	JobOptions
	run JobHandler
	// open says that Enqueue takes it; the built-in kinds are begun by their services.
	open bool
}

// kindName is what the name of a kind looks like.
var kindName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

// ownKinds are the kinds of the CRM itself, now or later.
func ownKinds() []JobKind {
	return []JobKind{
		JobContactImport, JobContactExport, JobBulkUpdate, JobPurge, JobDedupe,
		"gmail_sync", "calendar_sync", "normalize", "reindex", "insight", "embed",
	}
}

// Register adds a kind of the embedding program, before [CRM.Start]; every
// process that shall run its jobs registers it. The name is 1 to 64 lower-case
// letters, digits and "_", a letter first. A name that is taken or the CRM's own,
// a handler that is nil and options out of bounds are a *ValidationError; a call
// after Start is ErrUnavailable.
func (s *JobService) Register(kind JobKind, handler JobHandler, o JobOptions) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var p problems
	switch {
	case s.sealed:
		return fmt.Errorf("register job kind %q after Start: %w", kind, ErrUnavailable)
	case !kindName.MatchString(string(kind)):
		p.add("kind", CodeInvalid, `must be 1 to 64 lower-case letters, digits and "_", a letter first`)
	case slices.Contains(ownKinds(), kind):
		p.add("kind", CodeDuplicate, "is one of the CRM's own")
	case s.handlers[kind] != nil:
		p.add("kind", CodeDuplicate, "is registered already")
	}
	if handler == nil {
		p.add("handler", CodeRequired, "must be given")
	}
	o.check(&p)
	if err := p.err(); err != nil {
		return fmt.Errorf("register job kind: %w", err)
	}
	s.handlers[kind] = &jobKind{JobOptions: o.withDefaults(), run: handler, open: true}
	return nil
}

// register adds a kind of the CRM's own.
func (s *JobService) register(kind JobKind, o JobOptions, run JobHandler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handlers[kind] = &jobKind{JobOptions: o.withDefaults(), run: run}
}

// seal ends the time of registrations.
func (s *JobService) seal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sealed = true
}

// kind returns what is registered under a name, or nil.
func (s *JobService) kind(name JobKind) *jobKind {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.handlers[name]
}

// wants returns what this process can run, by name: the short kinds, or the others.
func (s *JobService) wants(short bool) []JobWant {
	s.mu.Lock()
	defer s.mu.Unlock()
	var wants []JobWant
	for name, k := range s.handlers {
		if k.Short == short {
			wants = append(wants, JobWant{Kind: name, PerWorkspace: k.PerWorkspace})
		}
	}
	slices.SortFunc(wants, func(a, b JobWant) int { return cmp.Compare(a.Kind, b.Kind) })
	return wants
}

// attempts is how often a job of the kind is tried, also where it is not registered.
func (s *JobService) attempts(kind JobKind) int {
	if k := s.kind(kind); k != nil {
		return k.MaxAttempts
	}
	return maxAttempts
}

// kinds returns the names of what this process can run, in order.
func (s *JobService) kinds() []JobKind {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.handlers))
}
