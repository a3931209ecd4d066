package meilisearch

import (
	"maps"
	"slices"

	meili "github.com/meilisearch/meilisearch-go"

	"github.com/omnicrm/omnicrm/crm"
)

// The attributes of a document that requests name. See [document].
const (
	attrID        = "id"
	attrWorkspace = "ws"
	attrMark      = "mark"
	attrContact   = "contact"
	attrVersion   = "v"
	attrKey       = "k"
	attrActive    = "n4"
	attrWords     = "w"
	attrEndings   = "e"
	attrRuns      = "c"
	attrEmails    = "em"
	attrPhones    = "ph"
	attrPhoneEnds = "pe"
	attrTerms     = "t"
)

// idAttrs are the parts of a contact's id, keyAttrs the first bytes of its sort
// key, columnAttrs its numbers; as numbers, because older servers compare
// nothing else by size.
var (
	idAttrs     = []string{"i0", "i1", "i2"}
	keyAttrs    = []string{"k0", "k1", "k2", "k3"}
	columnAttrs = []string{"n0", "n1", "n2", "n3", attrActive}
)

const (
	// maxValues bounds the values of a facet that the server tells, and the words
	// that it finds for one with typos. Below 3,000 matches it counts the first
	// ones in the order of values, not the most frequent ones.
	maxValues = 10_000
	// cutoffMs is how long the server may search before it answers with less than
	// everything. It is above any timeout of ours.
	cutoffMs = 60_000
)

// settings is what the index must be set to.
func (x *Index) settings() *meili.Settings {
	prefix := "disabled"
	if x.o.Direct {
		prefix = "indexingTime"
	}
	filterable := []string{
		attrWorkspace, attrMark, attrKey,
		attrWords, attrWords + "0", attrWords + "1", attrEndings, attrEndings + "0",
		attrRuns, attrRuns + "0", attrRuns + "1",
		attrEmails, attrPhones, attrPhoneEnds, attrTerms,
	}
	for _, f := range crm.Facets() {
		filterable = append(filterable, facetAttr(f))
	}
	numbers := slices.Concat(idAttrs, columnAttrs)
	return &meili.Settings{
		SearchableAttributes: []string{"displayName", "emails", "companyName", "phones", "tags"},
		FilterableAttributes: slices.Concat(filterable, keyAttrs, numbers),
		SortableAttributes:   append([]string{attrKey}, numbers...),
		RankingRules:         []string{"words", "exactness", "typo", "attribute", "proximity", "sort", attrActive + ":desc"},
		ProximityPrecision:   "byAttribute",
		PrefixSearch:         &prefix,
		SearchCutoffMs:       cutoffMs,
		Pagination:           &meili.Pagination{MaxTotalHits: crm.MaxSearchWindow},
		Faceting: &meili.Faceting{
			MaxValuesPerFacet: maxValues,
			SortFacetValuesBy: map[string]meili.SortFacetType{"*": meili.SortFacetTypeCount},
		},
	}
}

// facetAttr is the attribute that a facet is counted by.
func facetAttr(f crm.Facet) string { return string(f) }

// typos are the words from which on the server forgives; they are its defaults.
var typos = meili.MinWordSizeForTypos{OneTypo: 5, TwoTypos: 9}

// missing returns what of the settings has to be sent to make the index's what
// they should be, nil for nothing. Sending the same again would be a task all
// the same. The order matters of ranking rules and searchable attributes only.
func missing(got, want *meili.Settings) *meili.Settings {
	var send meili.Settings
	differs := missingLists(&send, got, want)
	if got.ProximityPrecision != want.ProximityPrecision {
		send.ProximityPrecision, differs = want.ProximityPrecision, true
	}
	if got.PrefixSearch == nil || *got.PrefixSearch != *want.PrefixSearch {
		send.PrefixSearch, differs = want.PrefixSearch, true
	}
	if got.SearchCutoffMs != want.SearchCutoffMs {
		send.SearchCutoffMs, differs = want.SearchCutoffMs, true
	}
	if got.Pagination == nil || *got.Pagination != *want.Pagination {
		send.Pagination, differs = want.Pagination, true
	}
	if f := got.Faceting; f == nil || f.MaxValuesPerFacet != want.Faceting.MaxValuesPerFacet || !maps.Equal(f.SortFacetValuesBy, want.Faceting.SortFacetValuesBy) {
		send.Faceting, differs = want.Faceting, true
	}
	if t := got.TypoTolerance; t != nil && (!t.Enabled || t.MinWordSizeForTypos != typos || len(t.DisableOnWords)+len(t.DisableOnAttributes) > 0) {
		send.TypoTolerance, differs = &meili.TypoTolerance{Enabled: true, MinWordSizeForTypos: typos, DisableOnWords: []string{}, DisableOnAttributes: []string{}}, true
	}
	if !got.FacetSearch {
		send.FacetSearch, differs = true, true
	}
	if !differs {
		return nil
	}
	return &send
}

// missingLists is missing for the settings that are lists.
func missingLists(send, got, want *meili.Settings) (differs bool) {
	if !slices.Equal(got.SearchableAttributes, want.SearchableAttributes) {
		send.SearchableAttributes, differs = want.SearchableAttributes, true
	}
	if !sameSet(got.FilterableAttributes, want.FilterableAttributes) {
		send.FilterableAttributes, differs = want.FilterableAttributes, true
	}
	if !sameSet(got.SortableAttributes, want.SortableAttributes) {
		send.SortableAttributes, differs = want.SortableAttributes, true
	}
	if !slices.Equal(got.RankingRules, want.RankingRules) {
		send.RankingRules, differs = want.RankingRules, true
	}
	if len(got.DisplayedAttributes) > 0 && !slices.Contains(got.DisplayedAttributes, "*") {
		send.DisplayedAttributes, differs = []string{"*"}, true
	}
	return differs
}

func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
