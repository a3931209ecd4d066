package redisfx_test

import (
	"errors"
	"testing"

	"go.uber.org/fx"
	"go.uber.org/fx/fxtest"

	"github.com/omnicrm/omnicrm/adapters/redis"
	"github.com/omnicrm/omnicrm/adapters/redis/redisfx"
	"github.com/omnicrm/omnicrm/crm"
	"github.com/omnicrm/omnicrm/internal/testkit/redistest"
)

func TestModuleProvidesTheLimiter(t *testing.T) {
	t.Parallel()
	if err := fx.ValidateApp(redisfx.Module(), fx.Supply(redisfx.Config{}), fx.Invoke(func(*redis.Limiter) {})); err != nil {
		t.Fatalf("validate: %v", err)
	}
}

func TestModuleOpensAndCloses(t *testing.T) {
	t.Parallel()
	var l *redis.Limiter
	app := fxtest.New(t, redisfx.Module(), fx.Supply(redisfx.Config{URL: redistest.Start(t, redistest.Options{}).URL()}), fx.Populate(&l))
	app.RequireStart()
	if a, err := l.TakeRequest(t.Context(), "k", 1); err != nil || !a.Allowed {
		t.Fatalf("take: got %+v (%v), want it allowed", a, err)
	}
	app.RequireStop()
}

func TestARedisThatIsNotThereIsOneError(t *testing.T) {
	t.Parallel()
	err := fx.New(redisfx.Module(), fx.NopLogger, fx.Supply(redisfx.Config{URL: "redis://127.0.0.1:1"}), fx.Invoke(func(*redis.Limiter) {})).Err()
	if !errors.Is(err, crm.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
}
