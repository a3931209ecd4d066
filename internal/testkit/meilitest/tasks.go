package meilitest

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// task is a write that was taken.
type task struct {
	uid      int
	index    any // a name, or nil
	kind     string
	details  map[string]any
	due      time.Time
	at       time.Time
	run      func(t *task) map[string]any // the error's body, or nil
	ended    bool
	finished time.Time
	failure  map[string]any
}

// enqueue takes a write and answers as the real one does.
func (s *Server) enqueue(index, kind string, details map[string]any, run func(t *task) map[string]any) answer {
	now := time.Now().UTC()
	t := &task{uid: len(s.tasks), index: index, kind: kind, details: details, at: now, due: now.Add(s.o.TaskDelay), run: run}
	s.tasks = append(s.tasks, t)
	return answer{status: http.StatusAccepted, body: map[string]any{
		"taskUid": t.uid, "indexUid": index, "status": "enqueued", "type": kind, "enqueuedAt": now.Format(time.RFC3339Nano),
	}}
}

// advance ends the tasks whose time has come, in their order. The caller holds
// s.mu.
func (s *Server) advance() {
	if s.faults.held {
		return
	}
	now := time.Now()
	for _, t := range s.tasks {
		if t.ended {
			continue
		}
		if t.due.After(now) {
			return
		}
		t.ended, t.finished = true, now.UTC()
		if len(s.faults.tasks) > 0 && (t.kind == "documentAdditionOrUpdate" || t.kind == "documentDeletion") {
			f := s.faults.tasks[0]
			s.faults.tasks = s.faults.tasks[1:]
			t.failure = apiError(f.message, f.code, f.kind)
			continue
		}
		t.failure = t.run(t)
	}
}

func (s *Server) getTask(id string) answer {
	uid, err := strconv.Atoi(id)
	if err != nil || uid >= len(s.tasks) {
		return fail(http.StatusNotFound, "Task `"+id+"` not found.", "task_not_found")
	}
	t := s.tasks[uid]
	body := map[string]any{
		"uid": t.uid, "batchUid": nil, "indexUid": t.index, "status": "enqueued", "type": t.kind, "canceledBy": nil,
		"details": t.details, "error": nil, "duration": nil, "enqueuedAt": t.at.Format(time.RFC3339Nano), "startedAt": nil, "finishedAt": nil,
	}
	if t.ended {
		body["status"] = "succeeded"
		if t.failure != nil {
			body["status"], body["error"] = "failed", t.failure
		}
		body["batchUid"] = t.uid
		body["duration"] = fmt.Sprintf("PT%fS", t.finished.Sub(t.at).Seconds())
		body["startedAt"], body["finishedAt"] = t.at.Format(time.RFC3339Nano), t.finished.Format(time.RFC3339Nano)
	}
	return ok(body)
}
