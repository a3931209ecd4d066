package meilisearch

import (
	"context"
	"fmt"
	"time"

	meili "github.com/meilisearch/meilisearch-go"

	"github.com/omnicrm/omnicrm/crm"
)

const (
	// The first looks at a task come quickly: an empty batch takes milliseconds.
	firstLook = 5 * time.Millisecond
	lastLook  = 200 * time.Millisecond
	// taskTries is how often a write is sent whose task the server failed for
	// reasons of its own, such as a full disk.
	taskTries = 3
	// maxShown bounds what is shown of a task's error.
	maxShown = 300
)

// write sends something that the server answers with a task and waits until that
// has ended well.
func (x *Index) write(ctx context.Context, what string, send func(ctx context.Context) (*meili.TaskInfo, error)) error {
	if err := x.prepare(ctx); err != nil {
		return err
	}
	ctx, release := context.WithTimeout(ctx, x.o.WriteTimeout)
	defer release()
	if err := x.still(ctx); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	for try := 1; ; try++ {
		task, err := x.enqueue(ctx, send)
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		passing, err := x.await(ctx, task)
		if err == nil {
			return nil
		}
		if !passing || try == taskTries {
			return fmt.Errorf("%s: %w", what, err)
		}
		if err := pause(ctx, time.Duration(try)*lastLook); err != nil {
			return fmt.Errorf("%s: %w", what, x.translate(err))
		}
	}
}

// enqueue sends a write and returns its task's number.
func (x *Index) enqueue(ctx context.Context, send func(ctx context.Context) (*meili.TaskInfo, error)) (int64, error) {
	limited, release := x.within(ctx)
	defer release()
	info, err := send(limited)
	if err != nil {
		return 0, x.translate(err)
	}
	return info.TaskUID, nil
}

// await follows a task to its end. A task that failed is an error; passing says
// that it may succeed when it is sent again.
func (x *Index) await(ctx context.Context, task int64) (passing bool, err error) {
	for look := firstLook; ; look = min(2*look, lastLook) {
		limited, release := x.within(ctx)
		t, err := x.server.GetTaskWithContext(limited, task)
		release()
		if err != nil {
			return false, x.translate(err)
		}
		switch t.Status {
		case meili.TaskStatusSucceeded:
			return false, nil
		case meili.TaskStatusFailed, meili.TaskStatusCanceled:
			return x.failedTask(t)
		}
		if err := pause(ctx, look); err != nil {
			return false, x.translate(err)
		}
	}
}

func (x *Index) failedTask(t *meili.Task) (passing bool, err error) {
	e := &serviceError{code: t.Error.Code, sentinel: crm.ErrUnavailable}
	if t.Status == meili.TaskStatusCanceled {
		e.text = fmt.Sprintf("task %d was canceled on the server", t.UID)
		return true, e
	}
	message := []rune(t.Error.Message)
	e.text = fmt.Sprintf("task %d failed (%s): %s", t.UID, t.Error.Code, string(message[:min(len(message), maxShown)]))
	if lost(e.code) {
		x.forget()
	}
	return t.Error.Type == "internal" || t.Error.Type == "system", e
}

// pause waits, or until the context ends, whose error it returns then.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
