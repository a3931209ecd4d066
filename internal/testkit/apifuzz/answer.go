package apifuzz

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"
)

// answer is what came back, read to its end; a stream is read until it rests.
type answer struct {
	status int
	header http.Header
	media  string
	body   []byte
}

const (
	// callTime bounds a call; a dry run may wait 20 seconds.
	callTime = 40 * time.Second
	// streamTime is how long a stream is listened to.
	streamTime = 60 * time.Millisecond
)

func newBody(text []byte) io.ReadCloser { return io.NopCloser(bytes.NewReader(text)) }

// send makes the call. It follows no redirects and asks for no compression.
func (f *fuzzer) send(ctx context.Context, r *request) (*answer, error) {
	streams := r.op != nil && r.op.streams()
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	out, err := r.encode(f.options.URL)
	if err != nil {
		return nil, err
	}
	in, err := f.transport.RoundTrip(out.WithContext(ctx))
	if err != nil {
		return nil, fmt.Errorf("send request: %w", err)
	}
	defer in.Body.Close() //nolint:errcheck // It was only read.
	a := &answer{status: in.StatusCode, header: in.Header}
	a.media, _, _ = mime.ParseMediaType(in.Header.Get("Content-Type"))
	if streams && a.media == "text/event-stream" {
		rest := time.AfterFunc(streamTime, cancel)
		defer rest.Stop()
	}
	a.body, err = io.ReadAll(in.Body)
	if errors.Is(err, context.Canceled) && a.media == "text/event-stream" {
		err = nil
	}
	if err != nil {
		return a, fmt.Errorf("read answer: %w", err)
	}
	return a, nil
}
