package meilisearch

import (
	"context"
	"sync"
	"time"

	meili "github.com/meilisearch/meilisearch-go"

	"github.com/omnicrm/omnicrm/crm"
)

// Index is a [crm.SearchIndex] kept by a Meilisearch server. It is safe for
// parallel use, and any number of processes may feed and search the same one.
type Index struct {
	server meili.ServiceManager
	index  meili.IndexManager
	o      Options

	// preparing holds one while the index is looked at, so that this happens once.
	preparing chan struct{}

	mu       sync.Mutex
	prepared bool
	// born is when the index was made that has been prepared.
	born  time.Time
	marks map[crm.WorkspaceID]mark
	// setting is the task of settings that was not waited for to its end, 0 for none.
	setting int64
}

var _ crm.SearchIndex = (*Index)(nil)

// New returns an index without asking the server, which the first use does. So a
// program starts while the service is away.
func New(address string, o Options) (*Index, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	if address, err = checkURL(address); err != nil {
		return nil, err
	}
	server := meili.New(address, meili.WithAPIKey(o.Key), meili.WithCustomClient(client(o)), meili.DisableRetries())
	return &Index{
		server: server, index: server.Index(o.Index), o: o,
		preparing: make(chan struct{}, 1),
		marks:     map[crm.WorkspaceID]mark{},
	}, nil
}

// Open is [New] and [Index.Prepare].
func Open(ctx context.Context, address string, o Options) (*Index, error) {
	x, err := New(address, o)
	if err != nil {
		return nil, err
	}
	if err := x.Prepare(ctx); err != nil {
		x.Close()
		return nil, err
	}
	return x, nil
}

// Close gives up the idle connections. The index stays as it is.
func (x *Index) Close() { x.server.Close() }
