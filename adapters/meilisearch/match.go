package meilisearch

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	meili "github.com/meilisearch/meilisearch-go"

	"github.com/omnicrm/omnicrm/crm"
)

// matcher is a query text with the words of the index that its words mean.
type matcher struct {
	plan crm.SearchPlan
	// near are the words of the index that are one and two typos away from a word
	// of the query.
	near map[string][2][]string
}

// read reads a query text and asks which words of the workspace are typos away
// from its words.
func (x *Index) read(ctx context.Context, ws crm.WorkspaceID, text string) (*matcher, error) {
	m := &matcher{plan: crm.PlanSearch(text), near: map[string][2][]string{}}
	asked := map[string]crm.SearchWord{}
	for _, p := range m.plan.Parts {
		for _, w := range p.Words {
			if w.Typos > 0 {
				asked[nearKey(w)] = w
			}
		}
	}
	var mu sync.Mutex
	var failed error
	var all sync.WaitGroup
	slots := make(chan struct{}, nearTogether)
	for key, w := range asked {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			near, err := x.wordsNear(ctx, ws, w)
			mu.Lock()
			defer mu.Unlock()
			m.near[key] = near
			if err != nil {
				failed = err
			}
		})
	}
	all.Wait()
	return m, failed
}

// nearTogether is how many words of a query are asked about at once.
const nearTogether = 8

func nearKey(w crm.SearchWord) string {
	if w.Last {
		return w.Text + "*"
	}
	return w.Text
}

// wordsNear returns the words of the workspace that are one and two typos away.
// The server finds more than those: it also takes beginnings, and counts a wrong
// first letter once.
func (x *Index) wordsNear(ctx context.Context, ws crm.WorkspaceID, w crm.SearchWord) (near [2][]string, err error) {
	ctx, release := x.within(ctx)
	defer release()
	raw, err := x.index.FacetSearchWithContext(ctx, &meili.FacetSearchRequest{
		FacetName: attrWords, FacetQuery: encodeWord(w.Text, false), Filter: ofWorkspace(ws),
	})
	if err != nil {
		return near, x.translate(err)
	}
	var found struct {
		FacetHits []struct {
			Value string `json:"value"`
		} `json:"facetHits"`
	}
	if err := json.Unmarshal(*raw, &found); err != nil {
		return near, fmt.Errorf("words near one: %w", x.translate(err))
	}
	for _, h := range found.FacetHits {
		if class, typos, ok := w.Match(h.Value); ok && class == crm.SearchTypo {
			near[typos-1] = append(near[typos-1], h.Value)
		}
	}
	return near, nil
}

// filter keeps the documents in which all parts of the text match.
func (m *matcher) filter() string {
	filters := make([]string, len(m.plan.Parts))
	for i, p := range m.plan.Parts {
		filters[i] = m.partFilter(p)
	}
	return and(filters...)
}

func (m *matcher) partFilter(p crm.SearchPart) string {
	words := make([]string, len(p.Words))
	for i, w := range p.Words {
		words[i] = m.wordFilter(w)
	}
	if p.Run == "" {
		return and(words...)
	}
	run := encodeNumber(p.Run)
	return or(startsWith(attrPhones, run), startsWith(attrPhoneEnds, run), and(words...))
}

// wordFilter keeps the documents in which the word matches in any way.
func (m *matcher) wordFilter(w crm.SearchWord) string {
	word := encodeWord(w.Text, w.CJK)
	var ways []string
	if w.Last || w.CJK {
		ways = append(ways, startsWith(attrWords, word))
	} else {
		ways = append(ways, equals(attrWords, word))
	}
	for _, near := range m.near[nearKey(w)] {
		if len(near) > 0 {
			ways = append(ways, oneOf(attrWords, near))
		}
	}
	switch {
	case w.CJK:
		ways = append(ways, startsWith(attrRuns, encodeRun(cut([]rune(w.Text), maxSuffixRunes))))
	case w.Inside():
		ways = append(ways, startsWith(attrEndings, ending(w)))
		if !w.Last { // At the beginning of a word it is inside too.
			ways = append(ways, startsWith(attrWords+"0", word), startsWith(attrWords+"1", word))
		}
	}
	if w.Digits {
		number := encodeNumber(w.Text)
		switch {
		case len(w.Text) >= crm.SearchRunFrom:
			ways = append(ways, startsWith(attrPhones, number), startsWith(attrPhoneEnds, number))
		case w.Last:
			ways = append(ways, startsWith(attrPhones, number))
		default:
			ways = append(ways, equals(attrPhones, number))
		}
	}
	return or(ways...)
}

func ending(w crm.SearchWord) string { return string(cut([]rune(w.Text), maxEndingRunes)) }
