package meilisearch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	meili "github.com/meilisearch/meilisearch-go"

	"github.com/omnicrm/omnicrm/crm"
)

const (
	// oldestMajor and oldestMinor are the first version that this package works with.
	oldestMajor, oldestMinor = 1, 12
	// formatID is the document that says who made the index, and format in which
	// shape its documents are. Another shape is another number.
	formatID = "omnicrm-format"
	format   = 1
)

// formatDocument marks an index as ours. It has no workspace, so that no search
// sees it.
type formatDocument struct {
	ID     string `json:"id"`
	Format int    `json:"format"`
}

func ourFormat() formatDocument { return formatDocument{ID: formatID, Format: format} }

// Prepare makes sure that the server is there, new enough and accepts the key,
// and that the index is there with the right settings: it is made when there is
// none, and settings are sent only where they differ. An index that somebody
// else uses is refused. What does not pass by itself is [ErrMisconfigured], a
// server that does not answer crm.ErrUnavailable. The first use of an index does
// the same; a second call asks again.
func (x *Index) Prepare(ctx context.Context) error {
	x.forget()
	return x.prepare(ctx)
}

// prepare is Prepare, once.
func (x *Index) prepare(ctx context.Context) error {
	if x.isPrepared() {
		return nil
	}
	select {
	case x.preparing <- struct{}{}:
		defer func() { <-x.preparing }()
	case <-ctx.Done():
		return x.translate(ctx.Err())
	}
	if x.isPrepared() {
		return nil
	}
	for _, step := range []func(context.Context) error{x.checkVersion, x.checkIndex, x.checkSettings, x.checkFormat, x.checkFilters} {
		if err := step(ctx); err != nil {
			return fmt.Errorf("prepare the search index: %w", err)
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.prepared = true
	return nil
}

func (x *Index) isPrepared() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.prepared
}

// forget has the next use prepare the index again.
func (x *Index) forget() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.prepared = false
	clear(x.marks)
}

func (x *Index) checkVersion(ctx context.Context) error {
	ctx, release := x.within(ctx)
	defer release()
	v, err := x.server.VersionWithContext(ctx)
	var api *meili.Error
	if errors.As(err, &api) && api.StatusCode == http.StatusForbidden {
		// No key of one index can have the right to it. checkFilters asks for what
		// matters of the version, and the next step tells whether the key is good.
		return nil
	}
	if err != nil {
		return x.translate(err)
	}
	major, minor, ok := parseVersion(v.PkgVersion)
	switch {
	case !ok:
		return misconfigured("the address does not answer like Meilisearch", nil)
	case major < oldestMajor || major == oldestMajor && minor < oldestMinor:
		return misconfigured(fmt.Sprintf("the server is version %d.%d; this needs Meilisearch %d.%d or newer", major, minor, oldestMajor, oldestMinor), nil)
	}
	return nil
}

func parseVersion(text string) (major, minor int, ok bool) {
	parts := strings.SplitN(text, ".", 3)
	if len(parts) < 2 {
		return 0, 0, false
	}
	major, err := strconv.Atoi(parts[0])
	minor, err2 := strconv.Atoi(parts[1])
	return major, minor, err == nil && err2 == nil
}

// checkIndex makes the index when there is none.
func (x *Index) checkIndex(ctx context.Context) error {
	info, err := x.indexInfo(ctx)
	if codeOf(err) == codeNoIndex {
		if err := x.createIndex(ctx); err != nil {
			return err
		}
		info, err = x.indexInfo(ctx)
	}
	if err != nil {
		return err
	}
	if info.PrimaryKey != "" && info.PrimaryKey != attrID {
		return x.foreign(fmt.Sprintf("its primary key is %q", info.PrimaryKey))
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.born = info.CreatedAt
	return nil
}

// still makes sure that the index is the one that was prepared. The server makes
// an index that is not there when documents come, without settings; and a
// position must not be noted for documents that went with another index.
func (x *Index) still(ctx context.Context) error {
	info, err := x.indexInfo(ctx)
	if err != nil {
		return err
	}
	x.mu.Lock()
	same := info.CreatedAt.Equal(x.born)
	x.mu.Unlock()
	if same {
		return nil
	}
	x.forget()
	return &serviceError{text: fmt.Sprintf("the index %q was made anew by somebody else", x.o.Index), sentinel: crm.ErrUnavailable}
}

func (x *Index) indexInfo(ctx context.Context) (*meili.IndexResult, error) {
	ctx, release := x.within(ctx)
	defer release()
	info, err := x.server.GetIndexWithContext(ctx, x.o.Index)
	return info, x.translate(err)
}

func (x *Index) foreign(why string) error {
	return misconfigured(fmt.Sprintf("the index %q belongs to something else (%s); choose another name, or delete that index if nobody needs it", x.o.Index, why), nil)
}

func (x *Index) createIndex(ctx context.Context) error {
	ctx, release := context.WithTimeout(ctx, x.o.WriteTimeout)
	defer release()
	task, err := x.enqueue(ctx, func(ctx context.Context) (*meili.TaskInfo, error) {
		return x.server.CreateIndexWithContext(ctx, &meili.IndexConfig{Uid: x.o.Index, PrimaryKey: attrID})
	})
	if err != nil {
		return err
	}
	if _, err := x.await(ctx, task); err != nil && codeOf(err) != codeIndexThere {
		return err
	}
	return nil
}

// checkSettings sends what differs. An index with documents that are not ours is
// left as it is.
func (x *Index) checkSettings(ctx context.Context) error {
	limited, release := x.within(ctx)
	got, err := x.index.GetSettingsWithContext(limited)
	release()
	if err != nil {
		return x.translate(err)
	}
	if got.DistinctAttribute != nil {
		return x.foreign("it shows one document of each " + *got.DistinctAttribute)
	}
	send := missing(got, x.settings())
	if send == nil {
		return nil
	}
	if ours, err := x.ours(ctx); err != nil {
		return err
	} else if !ours {
		return x.foreign("it has documents and other settings")
	}
	return x.set(ctx, send)
}

// set changes settings, which takes the server long when there are many documents:
// whoever comes after a caller that gave up goes on to wait for the same task.
func (x *Index) set(ctx context.Context, send *meili.Settings) error {
	ctx, release := context.WithTimeout(ctx, x.o.WriteTimeout)
	defer release()
	x.mu.Lock()
	task := x.setting
	x.mu.Unlock()
	if task == 0 {
		var err error
		task, err = x.enqueue(ctx, func(ctx context.Context) (*meili.TaskInfo, error) {
			return x.index.UpdateSettingsWithContext(ctx, send)
		})
		if err != nil {
			return err
		}
	}
	_, err := x.await(ctx, task)
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.setting = 0; err != nil && ctx.Err() != nil {
		x.setting = task
	}
	return err
}

// ours reports whether the index is empty or has our format document.
func (x *Index) ours(ctx context.Context) (bool, error) {
	if f, err := x.readFormat(ctx); err != nil || f != 0 {
		return f != 0, err
	}
	ctx, release := x.within(ctx)
	defer release()
	stats, err := x.index.GetStatsWithContext(ctx, nil)
	if err != nil {
		return false, x.translate(err)
	}
	return stats.NumberOfDocuments == 0, nil
}

// readFormat returns the number in the format document, 0 without one.
func (x *Index) readFormat(ctx context.Context) (int, error) {
	var f formatDocument
	err := x.getDocument(ctx, formatID, &f)
	if codeOf(err) == codeNoDocument {
		return 0, nil
	}
	return f.Format, err
}

func (x *Index) getDocument(ctx context.Context, id string, into any) error {
	ctx, release := x.within(ctx)
	defer release()
	return x.translate(x.index.GetDocumentWithContext(ctx, id, nil, into))
}

// checkFormat says who made the index, if nobody has said so.
func (x *Index) checkFormat(ctx context.Context) error {
	f, err := x.readFormat(ctx)
	if err != nil {
		return err
	}
	switch {
	case f == format:
		return nil
	case f != 0:
		return misconfigured(fmt.Sprintf("the index %q was made by another version of this program; choose another name, and delete the index when no other process uses it", x.o.Index), nil)
	}
	if ours, err := x.ours(ctx); err != nil {
		return err
	} else if !ours {
		return x.foreign("it has documents of a kind that is not known here")
	}
	ctx, release := context.WithTimeout(ctx, x.o.WriteTimeout)
	defer release()
	task, err := x.enqueue(ctx, func(ctx context.Context) (*meili.TaskInfo, error) {
		return x.index.AddDocumentsWithContext(ctx, []formatDocument{ourFormat()}, primaryKey())
	})
	if err != nil {
		return err
	}
	_, err = x.await(ctx, task)
	return err
}

func primaryKey() *meili.DocumentOptions {
	id := attrID
	return &meili.DocumentOptions{PrimaryKey: &id}
}

// checkFilters asks for what the number of the version does not tell: filters by
// the beginning of a value were an experiment for a while.
func (x *Index) checkFilters(ctx context.Context) error {
	limited, release := x.within(ctx)
	defer release()
	_, err := x.index.SearchWithContext(limited, "", &meili.SearchRequest{Limit: 1, Filter: startsWith(attrWords, "a"), AttributesToRetrieve: []string{attrID}})
	var api *meili.Error
	if errors.As(err, &api) && api.StatusCode == http.StatusBadRequest {
		return misconfigured("the server does not filter by STARTS WITH; upgrade it to the newest version, or switch its experimental feature containsFilter on", err)
	}
	return x.translate(err)
}
