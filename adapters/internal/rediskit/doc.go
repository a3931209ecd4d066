// Package rediskit is what the adapters on Redis share: the reading of URLs for
// a single server, Sentinel and Cluster, a client whose calls all have an end,
// the check that a server can be used, errors that say what to do and hold no
// secret, and a circuit breaker.
package rediskit
