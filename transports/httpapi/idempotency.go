package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"hash"
	"net/http"
	"time"

	"github.com/omnicrm/omnicrm/crm"
)

const (
	maxIdempotencyKey = 255
	// saveTimeout bounds the end of a keyed request whose client has gone: the
	// work is done, so its answer is kept all the same.
	saveTimeout = 10 * time.Second
)

// saving is an idempotency key that the running request holds.
type saving struct {
	key    string
	answer *crm.SavedAnswer
	// record is whom the answer shows, and note what else is needed to make it
	// again, where the operation has a replay: then the body is not kept.
	record crm.ID
	note   []byte
	// carriedOut tells whether the request has written.
	carriedOut func() bool
}

// beginSaved honours the Idempotency-Key of a POST: it answers from what was
// kept, or reserves the key. Uploads begin by themselves once they know
// their content.
func (h *Handler) beginSaved(c *call) (done bool, err error) {
	key, err := c.idempotencyKey()
	if key == "" || err != nil || c.op.upload {
		return false, err
	}
	digest := sha256.New()
	c.digestRequest(digest)
	digest.Write(c.raw)
	return c.reserve(key, digest)
}

// idempotencyKey returns the header of a signed-in POST, "" for none.
func (c *call) idempotencyKey() (string, error) {
	if c.op.method != http.MethodPost || c.op.open {
		return "", nil
	}
	keys := c.r.Header.Values("Idempotency-Key")
	if len(keys) == 0 {
		return "", nil
	}
	valid := len(keys) == 1 && keys[0] != "" && len(keys[0]) <= maxIdempotencyKey
	for i := 0; valid && i < len(keys[0]); i++ {
		valid = keys[0][i] > ' ' && keys[0][i] < 0x7f
	}
	if !valid {
		return "", &placeError{code: codeInvalidQuery, err: crm.Invalid("Idempotency-Key", crm.CodeInvalid,
			"must be 1 to 255 visible ASCII characters")}
	}
	return keys[0], nil
}

// digestRequest covers everything beside the body that decides the answer,
// with the caller's rights: an answer is never replayed to fewer of them.
func (c *call) digestRequest(digest hash.Hash) {
	scopes, err := json.Marshal(c.actor.Scopes)
	if err != nil { // A list of strings always encodes.
		scopes = nil
	}
	for _, part := range []string{
		c.r.Method, c.r.URL.EscapedPath(), c.query.Encode(), c.r.Header.Get("If-Match"),
		string(c.actor.Kind), string(c.actor.Role), string(scopes),
	} {
		digest.Write([]byte(part))
		digest.Write([]byte{0})
	}
}

func (c *call) reserve(key string, digest hash.Hash) (done bool, err error) {
	var print crm.Fingerprint
	copy(print[:], digest.Sum(nil))
	saved, err := c.h.app.Idempotency.Begin(c.r.Context(), c.actor, key, print)
	if err != nil {
		return false, err // The service has said what it was doing.
	}
	if saved == nil {
		bound, carriedOut := c.h.app.Idempotency.Bind(c.r.Context(), c.actor, key)
		c.r, c.saving = c.r.WithContext(bound), &saving{key: key, carriedOut: carriedOut}
		return false, nil
	}
	return true, c.replay(saved)
}

// replay gives a kept answer again. One that showed a record shows it as it is
// now; when it is gone, the answer is 404: nothing of it was kept.
func (c *call) replay(saved *crm.SavedAnswer) error {
	if saved.Status == 0 {
		var err error
		if saved, err = c.lostAnswer(saved.Record); err != nil {
			return err
		}
	}
	header := c.w.Header()
	for name, value := range saved.Header {
		header.Set(name, value)
	}
	header.Set("Idempotent-Replayed", "true")
	if c.op.replay == nil {
		return c.send(saved.Status, saved.Body)
	}
	err := c.op.replay(c.h, c, saved)
	if errors.Is(err, crm.ErrNotFound) {
		return errGoneSince
	}
	return err
}

// lostAnswer makes the answer of a request whose process died before it gave
// one, where a record is all it takes.
func (c *call) lostAnswer(record crm.ID) (*crm.SavedAnswer, error) {
	answer := c.op.answers[0]
	if record.IsZero() || !answer.etag || c.op.replay == nil {
		return nil, &crm.ConflictError{
			Reason: crm.ConflictState, ID: record,
			Message: "the request with this Idempotency-Key was carried out, but the server stopped before it answered; look at what it changed, and use a new key to do it once more",
		}
	}
	saved := &crm.SavedAnswer{Status: answer.status, Header: map[string]string{}, Record: record}
	if answer.location {
		saved.Header["Location"] = c.prefix() + c.op.recordsPath() + "/" + record.String()
	}
	return saved, nil
}

// reader is the actor with all that its role allows to read: every write shows
// its record to who may write it, also by a key that may not read.
func (c *call) reader() crm.Actor {
	reader := c.actor
	reader.Scopes = nil
	return reader
}

// remember notes what a replay needs; see [saving].
func (c *call) remember(record crm.ID, note []byte) {
	if c.saving != nil {
		c.saving.record, c.saving.note = record, note
	}
}

// keep remembers the answer that is about to be sent. It is stored before the
// client sees it, so that a client that saw it can count on it.
func (c *call) keep(status int, body []byte) {
	if c.saving == nil || status >= http.StatusBadRequest {
		return
	}
	if c.op.replay != nil {
		body = c.saving.note
	}
	saved := crm.SavedAnswer{Status: status, Header: map[string]string{}, Record: c.saving.record, Body: body}
	for _, name := range []string{"Content-Type", "Location", "ETag"} {
		if value := c.w.Header().Get(name); value != "" {
			saved.Header[name] = value
		}
	}
	c.saving.answer = &saved
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.r.Context()), saveTimeout)
	defer cancel()
	if err := c.h.app.Idempotency.Finish(ctx, c.actor, c.saving.key, saved); err != nil {
		// The write itself is done: the client gets its answer, and a repeat
		// finds the key in use rather than writing twice.
		c.h.logError(c, "keep answer", err)
	}
}

// endSaved frees the key of a request that failed, so that the corrected request
// may use it. One that broke down after it had written keeps it.
func (h *Handler) endSaved(c *call, err error) error {
	if c.saving == nil || c.saving.answer != nil || c.saving.carriedOut() && !isRefusal(err) {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.r.Context()), saveTimeout)
	defer cancel()
	free := h.app.Idempotency.Abandon
	if !isRefusal(err) { // It may have been a commit, whose outcome is not known.
		free = h.app.Idempotency.Settle
	}
	if abandoned := free(ctx, c.actor, c.saving.key); abandoned != nil {
		h.logError(c, "free idempotency key", abandoned)
	}
	return err
}
