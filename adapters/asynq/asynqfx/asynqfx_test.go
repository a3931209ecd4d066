package asynqfx_test

import (
	"errors"
	"testing"

	"go.uber.org/fx"
	"go.uber.org/fx/fxtest"

	"github.com/omnicrm/omnicrm/adapters/asynq/asynqfx"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/internal/testkit/redistest"
)

func TestModuleProvidesTheQueue(t *testing.T) {
	t.Parallel()
	if err := fx.ValidateApp(asynqfx.Module(), fx.Supply(asynqfx.Config{}), fx.Invoke(func(crm.JobQueue) {})); err != nil {
		t.Fatalf("validate: %v", err)
	}
}

func TestModuleOpensAndCloses(t *testing.T) {
	t.Parallel()
	var q crm.JobQueue
	app := fxtest.New(t, asynqfx.Module(), fx.Supply(asynqfx.Config{URL: redistest.Start(t, redistest.Options{}).URL()}), fx.Populate(&q))
	app.RequireStart()
	if err := q.DispatchJobs(t.Context(), nil); err != nil {
		t.Fatalf("dispatch: %v", err)
	}
	app.RequireStop()
	if err := q.DispatchJobs(t.Context(), nil); !errors.Is(err, crm.ErrUnavailable) {
		t.Errorf("dispatch after the stop: got %v, want ErrUnavailable", err)
	}
}

func TestARedisThatIsNotThereIsOneError(t *testing.T) {
	t.Parallel()
	err := fx.New(asynqfx.Module(), fx.NopLogger, fx.Supply(asynqfx.Config{URL: "redis://127.0.0.1:1"}), fx.Invoke(func(crm.JobQueue) {})).Err()
	if !errors.Is(err, crm.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
}
