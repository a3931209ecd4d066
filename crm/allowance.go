package crm

import "time"

// Allowance is what a caller may still do who is limited to a number of requests
// a minute. It is the answer of the limiters that transports take and adapters
// offer.
type Allowance struct {
	// Allowed is false when the request is one too many.
	Allowed bool
	// Limit is the allowance of a minute, Remaining what is left of it now.
	Limit, Remaining int
	// Reset is when the whole allowance is back, RetryAfter when one request
	// is; RetryAfter is 0 when Allowed.
	Reset, RetryAfter time.Duration
}
