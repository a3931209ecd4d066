package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

// jobRecord is a job in JSON.
type jobRecord struct {
	ID          crm.ID           `json:"id"`
	Kind        string           `json:"kind"`
	Status      crm.JobStatus    `json:"status"`
	Priority    string           `json:"priority" enum:"low,normal,high" doc:"Its place among the waiting jobs of the workspace."`
	Progress    jobProgress      `json:"progress"`
	Attempt     int              `json:"attempt"`
	MaxAttempts int              `json:"maxAttempts"`
	Error       orNull[jobError] `json:"error" doc:"Why the last attempt failed."`
	Result      json.RawMessage  `json:"result" doc:"What the job reports, by kind; null until it does."`
	SubjectID   *crm.ID          `json:"subjectId" nullable:"true" doc:"What the job is about, such as an import."`
	BatchID     *crm.ID          `json:"batchId" nullable:"true"`
	UndoneBy    *crm.ID          `json:"undoneBy" nullable:"true" doc:"The job that undoes this bulk action or has undone it, also where that failed or was cancelled; else null."`
	CreatedAt   time.Time        `json:"createdAt"`
	RunAt       *time.Time       `json:"runAt"`
	StartedAt   *time.Time       `json:"startedAt"`
	FinishedAt  *time.Time       `json:"finishedAt"`
	Version     int64            `json:"version"`
}

type jobProgress struct {
	Done  int64 `json:"done"`
	Total int64 `json:"total"`
}

type jobError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

type jobCount struct {
	Kind   string        `json:"kind"`
	Status crm.JobStatus `json:"status"`
	Count  int           `json:"count"`
}

// jobStatistics are the counts, and for those who see all jobs what runs
// periodically.
type jobStatistics struct {
	Items         []jobCount    `json:"items"`
	Total         int           `json:"total" doc:"How many items there are."`
	TotalRelation string        `json:"totalRelation" enum:"eq,gte"`
	NextCursor    *string       `json:"nextCursor" doc:"Always null."`
	Periodic      []periodicJob `json:"periodic" doc:"What runs once per period in the whole installation, for admins; else empty."`
}

// periodicJob is a kind that runs by itself.
type periodicJob struct {
	Kind          string           `json:"kind"`
	PeriodSeconds int64            `json:"periodSeconds"`
	Status        *crm.JobStatus   `json:"status" nullable:"true" doc:"Of the last run, or of the one that runs; null before the first."`
	StartedAt     *time.Time       `json:"startedAt"`
	FinishedAt    *time.Time       `json:"finishedAt"`
	NextAt        time.Time        `json:"nextAt"`
	Error         orNull[jobError] `json:"error" doc:"Why the last run failed."`
}

func periodicJobOf(p crm.PeriodicJob) periodicJob {
	r := periodicJob{
		Kind: string(p.Kind), PeriodSeconds: int64(p.Period / time.Second), StartedAt: timeOrNull(p.StartedAt),
		FinishedAt: timeOrNull(p.FinishedAt), NextAt: p.NextAt,
	}
	if p.Status != "" {
		r.Status = &p.Status
	}
	if p.ErrorCode != "" || p.ErrorText != "" {
		r.Error.value = &jobError{Code: p.ErrorCode, Message: p.ErrorText}
	}
	return r
}

func jobRecordOf(j crm.Job) jobRecord {
	r := jobRecord{
		ID: j.ID, Kind: string(j.Kind), Status: j.Status, Priority: j.Priority.String(), Progress: jobProgress{j.Done, j.Total}, Attempt: j.Attempt,
		MaxAttempts: j.MaxAttempts, SubjectID: idOrNull(j.Subject), BatchID: idOrNull(j.Batch), UndoneBy: idOrNull(j.UndoneBy()), CreatedAt: j.CreatedAt,
		RunAt: timeOrNull(j.RunAt), StartedAt: timeOrNull(j.StartedAt), FinishedAt: timeOrNull(j.FinishedAt), Version: j.Version,
		Result: json.RawMessage("null"),
	}
	if len(j.Result) > 0 {
		r.Result = j.Result
	}
	if j.ErrorCode != "" || j.ErrorText != "" {
		r.Error.value = &jobError{Code: j.ErrorCode, Message: j.ErrorText}
	}
	return r
}

func idOrNull(id crm.ID) *crm.ID {
	if id.IsZero() {
		return nil
	}
	return &id
}

func timeOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (h *Handler) listJobs(c *call) error {
	q := crm.JobListQuery{Cursor: c.query.Get("cursor"), Limit: c.number("pageSize", crm.DefaultPageSize)}
	if status := c.query.Get("status"); status != "" {
		q.Statuses = []crm.JobStatus{crm.JobStatus(status)}
	}
	if kind := c.query.Get("kind"); kind != "" {
		q.Kinds = []crm.JobKind{crm.JobKind(kind)}
	}
	if batch := c.query.Get("batchId"); batch != "" {
		id, err := crm.ParseID(batch)
		if err != nil { // The schema lets nothing else pass.
			return &placeError{code: codeInvalidQuery, err: err}
		}
		q.Batch = id
	}
	list, err := h.app.Jobs.List(c.r.Context(), c.actor, q)
	if err != nil {
		return err
	}
	items := make([]jobRecord, len(list.Items))
	for i, j := range list.Items {
		items[i] = jobRecordOf(j)
	}
	return c.writeJSON(http.StatusOK, countedPage(items, list.NextCursor, list.Total))
}

func (h *Handler) jobStats(c *call) error {
	counts, err := h.app.Jobs.Stats(c.r.Context(), c.actor)
	if err != nil {
		return err
	}
	items := make([]jobCount, len(counts))
	for i, n := range counts {
		items[i] = jobCount{Kind: string(n.Kind), Status: n.Status, Count: n.Count}
	}
	list := wholeList(items)
	stats := jobStatistics{Items: items, Total: list.Total, TotalRelation: list.TotalRelation, Periodic: []periodicJob{}}
	if c.actor.May(crm.PermJobsAll) {
		periodic, err := h.app.Jobs.Periodic(c.r.Context(), c.actor)
		if err != nil {
			return err
		}
		for _, p := range periodic {
			stats.Periodic = append(stats.Periodic, periodicJobOf(p))
		}
	}
	return c.writeJSON(http.StatusOK, stats)
}

func (h *Handler) getJob(c *call) error {
	id, err := c.id("id")
	if err != nil {
		return err
	}
	job, err := h.app.Jobs.Get(c.r.Context(), c.actor, id)
	if err != nil {
		return err
	}
	return c.writeRecord(http.StatusOK, job.Version, jobRecordOf(job))
}

func (h *Handler) cancelJob(c *call) error {
	return h.changeJob(c, h.app.Jobs.Cancel)
}

func (h *Handler) retryJob(c *call) error {
	return h.changeJob(c, h.app.Jobs.Retry)
}

func (h *Handler) undoJob(c *call) error {
	id, err := c.id("id")
	if err != nil {
		return err
	}
	version, err := c.expected(c.jobVersion(id))
	if err != nil {
		return err
	}
	job, err := h.app.Jobs.Undo(c.r.Context(), c.actor, id, version)
	if err != nil {
		return err
	}
	return c.acceptJob(job)
}

// listKept lists what an undo left.
func (h *Handler) listKept(c *call) error {
	id, err := c.id("id")
	if err != nil {
		return err
	}
	after, err := c.cursorNumber(cursorKept)
	if err != nil {
		return err
	}
	limit := c.number("pageSize", crm.DefaultPageSize)
	rows, err := h.app.Jobs.Kept(c.r.Context(), c.actor, id, after, limit+1)
	if err != nil {
		return err
	}
	next := ""
	if len(rows) > limit {
		rows = rows[:limit]
		next = makeCursor(cursorKept, strconv.FormatInt(rows[limit-1].Row, 10))
	}
	return c.writeJSON(http.StatusOK, pageOf(c, rowRecordsOf(rows), next))
}

// jobChange is one of the verbs of the job service.
type jobChange func(ctx context.Context, actor crm.Actor, id crm.ID, version int64) (crm.Job, error)

func (h *Handler) changeJob(c *call, change jobChange) error {
	id, err := c.id("id")
	if err != nil {
		return err
	}
	version, err := c.expected(c.jobVersion(id))
	if err != nil {
		return err
	}
	job, err := change(c.r.Context(), c.actor, id, version)
	if err != nil {
		return err
	}
	return c.writeRecord(http.StatusOK, job.Version, jobRecordOf(job))
}

func (c *call) jobVersion(id crm.ID) func() (int64, error) {
	return func() (int64, error) {
		job, err := c.h.app.Jobs.Get(c.r.Context(), c.reader(), id)
		return job.Version, err
	}
}

// acceptJob answers 202 with a job that has just been queued.
func (c *call) acceptJob(job crm.Job) error {
	c.w.Header().Set("Location", c.link("jobs", job.ID.String()))
	return c.writeJSON(http.StatusAccepted, jobRecordOf(job))
}

func (h *Handler) findDuplicates(c *call) error {
	job, err := h.app.Contacts.FindDuplicates(c.r.Context(), c.actor)
	if err != nil {
		return err
	}
	return c.acceptJob(job)
}
