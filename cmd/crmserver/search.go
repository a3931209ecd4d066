package main

import (
	"net/url"

	"go.uber.org/fx"

	"github.com/omnicrm/omnicrm/adapters/meilisearch"
	"github.com/omnicrm/omnicrm/adapters/meilisearch/meilisearchfx"
)

// searchFlags name the search service. Without an address every process searches
// an index in its own memory.
type searchFlags struct {
	SearchURL   string `env:"CRM_SEARCH_URL" placeholder:"URL" help:"Meilisearch server that keeps the search index, such as http://127.0.0.1:7700. Default: an index in memory."`
	SearchKey   string `env:"CRM_SEARCH_KEY" placeholder:"KEY" help:"API key of that server; better in the environment, where others do not see it."`
	SearchIndex string `env:"CRM_SEARCH_INDEX" default:"omnicrm" placeholder:"NAME" help:"Name of the index on that server; each database needs its own. Default ${default}."`
}

// validate refuses an address that cannot be one. The adapter says what is wrong.
func (s searchFlags) validate() error {
	if s.SearchURL == "" {
		if s.SearchKey != "" {
			return usageError{"CRM_SEARCH_KEY is set and CRM_SEARCH_URL is not: set both, or neither for the index in memory"}
		}
		return nil
	}
	x, err := meilisearch.New(s.SearchURL, s.options())
	if err != nil {
		return usageError{"--search-url, --search-index: " + err.Error()}
	}
	x.Close()
	return nil
}

func (s searchFlags) options() meilisearch.Options {
	return meilisearch.Options{Key: s.SearchKey, Index: s.SearchIndex}
}

// module wires the search service, if there is one. Idle commands look at it only
// when they search.
func (s searchFlags) module(idle bool) fx.Option {
	if s.SearchURL == "" {
		return fx.Options()
	}
	return fx.Options(fx.Supply(meilisearchfx.Config{URL: s.SearchURL, Options: s.options(), Lazy: idle}), meilisearchfx.Module())
}

// shownURL is the address without what may be secret in it.
func shownURL(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return hidden(address)
	}
	return u.Redacted()
}
