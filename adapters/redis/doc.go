// Package redis counts requests for several servers together, on Redis. While
// Redis is away or slow each server counts for itself, and no request waits for
// it.
//
//	limiter, err := redis.Open(ctx, "redis://localhost:6379/0", redis.Options{})
//	api, err := httpapi.New(app, httpapi.Options{Limiter: limiter})
package redis
