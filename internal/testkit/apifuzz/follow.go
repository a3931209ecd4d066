package apifuzz

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// follow does what a client does with an answer: repeats a request by its key,
// goes where Location says, asks again for what it has.
func (f *fuzzer) follow(ctx context.Context, d *drawer, r *request, a *answer) {
	if r.lost || r.op.streams() || a.status >= http.StatusMultipleChoices {
		return
	}
	f.repeat(ctx, d, r, a)
	if f.options.Shared {
		return
	}
	if place := a.header.Get("Location"); place != "" && r.caller == f.callers[0] && d.oneIn(3) {
		f.expect(ctx, r, place, nil, http.StatusOK, http.StatusUnauthorized)
	}
	if tag := a.header.Get("ETag"); tag != "" && r.op.method == http.MethodGet && r.header("If-None-Match") == "" && d.oneIn(4) {
		f.expect(ctx, r, r.path, []field{{"If-None-Match", tag}}, http.StatusNotModified, http.StatusOK, http.StatusUnauthorized)
	}
}

// repeat sends a request with a key once more: the answer is the same, unless what
// it showed or who calls is gone.
func (f *fuzzer) repeat(ctx context.Context, d *drawer, r *request, a *answer) {
	if r.header("Idempotency-Key") == "" || r.op.method != http.MethodPost || !r.op.secured || !d.oneIn(2) {
		return
	}
	again, err := f.send(ctx, r)
	if err == nil && !slices.Contains([]int{a.status, http.StatusNotFound, http.StatusUnauthorized}, again.status) {
		f.fail(r, again, fmt.Sprintf("a repeat by Idempotency-Key answered %d, not %d", again.status, a.status))
	}
}

// expect reads a path as the caller of the request.
func (f *fuzzer) expect(ctx context.Context, r *request, path string, more []field, want ...int) {
	read := &request{number: r.number, op: r.op, method: http.MethodGet, path: path, caller: r.caller, spoiled: []string{"what follows it"}}
	for name, value := range r.caller.headers {
		read.set(name, value)
	}
	read.fields = append(read.fields, more...)
	got, err := f.send(ctx, read)
	if err == nil && !slices.Contains(want, got.status) {
		f.fail(read, got, fmt.Sprintf("got %d, want %v", got.status, want))
	}
}

// look is what is stored, as far as the lists show it.
type look struct {
	print [sha256.Size]byte
	ok    bool
}

// lookBefore looks at what is stored in front of some of the writes, when nothing
// else may change it.
func (f *fuzzer) lookBefore(ctx context.Context, d *drawer, r *request) look {
	if f.options.Shared || !r.op.unsafe() || len(r.spoiled) == 0 || !d.oneIn(8) {
		return look{}
	}
	return f.look(ctx)
}

// compare looks again after a refusal. What else runs in the server may have
// changed something meanwhile: the call is repeated, and only one after which
// everything is different every time is a failure.
func (f *fuzzer) compare(ctx context.Context, r *request, a *answer, before look) {
	if !before.ok {
		return
	}
	f.report.Compared++
	for range 4 {
		after := f.look(ctx)
		if !after.ok || after.print == before.print {
			return
		}
		before = f.look(ctx)
		again, err := f.send(ctx, r)
		if err != nil || again.status < http.StatusBadRequest || !before.ok {
			return
		}
	}
	f.fail(r, a, "the call was refused and changed what is stored")
}

// look reads every list that needs no id, as the first caller. It is not ok while
// a job may still change something.
func (f *fuzzer) look(ctx context.Context) look {
	digest := sha256.New()
	for _, op := range f.doc.operations {
		if op.method != http.MethodGet || strings.Contains(op.path, "{") || op.answers[http.StatusOK]["application/json"] == nil {
			continue
		}
		r := &request{op: op, method: op.method, path: op.path}
		for name, value := range f.callers[0].headers {
			r.set(name, value)
		}
		a, err := f.send(ctx, r)
		if err != nil || a.status != http.StatusOK {
			return look{}
		}
		var list struct {
			Items []map[string]any
			Total float64
		}
		if json.Unmarshal(a.body, &list) != nil || list.Items == nil || f.doc.noun(op) == "sessions" || f.doc.noun(op) == "focus" {
			continue
		}
		for _, item := range list.Items {
			if !settled(item) {
				return look{}
			}
			for _, derived := range []string{"usedAt", "score", "lastInteractionAt"} {
				delete(item, derived)
			}
		}
		_ = json.NewEncoder(digest).Encode(list) // A hash takes everything.
	}
	return look{print: [sha256.Size]byte(digest.Sum(nil)), ok: true}
}

// settled reports whether a record is not that of work that goes on.
func settled(item map[string]any) bool {
	switch item["status"] {
	case "queued", "running", "retrying", "previewing", "committing", "undoing":
		return false
	}
	return true
}
