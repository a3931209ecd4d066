package meilitest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"
)

// index is one index.
type index struct {
	uid        string
	primaryKey string
	created    time.Time
	updated    time.Time
	settings   map[string]any
	docs       map[string]*doc
	next       int
	groups     map[string]map[string]*doc // by the workspace, which most filters name
}

// doc is a document: its fields as they came, and their values as filters see
// them.
type doc struct {
	id     string
	order  int
	raw    map[string]json.RawMessage
	values map[string]value
}

type value struct {
	texts    []string // normalised
	original []string
	numbers  []float64
	null     bool
}

// groupAttrs are the attributes that documents are grouped by.
var groupAttrs = []string{"ws", "workspaceId"}

func newIndex(uid, primaryKey string) *index {
	now := time.Now().UTC()
	var settings map[string]any
	if err := json.Unmarshal([]byte(defaultSettings), &settings); err != nil {
		panic(err)
	}
	return &index{uid: uid, primaryKey: primaryKey, created: now, updated: now, settings: settings, docs: map[string]*doc{}, groups: map[string]map[string]*doc{}}
}

// defaultSettings are those that the recording "settings, default" shows.
const defaultSettings = `{"displayedAttributes": ["*"], "searchableAttributes": ["*"], "filterableAttributes": [], "sortableAttributes": [],
"rankingRules": ["words", "typo", "proximity", "attributeRank", "sort", "wordPosition", "exactness"], "stopWords": [], "nonSeparatorTokens": [],
"separatorTokens": [], "dictionary": [], "synonyms": {}, "distinctAttribute": null, "proximityPrecision": "byWord",
"typoTolerance": {"enabled": true, "minWordSizeForTypos": {"oneTypo": 5, "twoTypos": 9}, "disableOnWords": [], "disableOnAttributes": [], "disableOnNumbers": false},
"faceting": {"maxValuesPerFacet": 100, "sortFacetValuesBy": {"*": "alpha"}}, "pagination": {"maxTotalHits": 1000}, "embedders": {}, "searchCutoffMs": null,
"localizedAttributes": null, "facetSearch": true, "prefixSearch": "indexingTime"}`

// normalise is how the server compares strings in filters and facets.
func normalise(s string) string { return strings.ToLower(norm.NFKD.String(strings.TrimSpace(s))) }

var validID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,511}$`)

// put replaces documents, all or none; it returns the error's body.
func (x *index) put(raws []map[string]json.RawMessage) map[string]any {
	added := make([]*doc, len(raws))
	for i, raw := range raws {
		id, present := raw[x.primaryKey]
		if !present {
			shown, _ := json.Marshal(raw)
			return apiError(fmt.Sprintf("Document doesn't have a `%s` attribute: `%s`.", x.primaryKey, shown), "missing_document_id", "invalid_request")
		}
		var text string
		if json.Unmarshal(id, &text) != nil || !validID.MatchString(text) {
			return apiError(fmt.Sprintf("Document identifier `%s` is invalid. A document identifier can be of type integer or string, only composed of alphanumeric characters (a-z A-Z 0-9), hyphens (-) and underscores (_), and can not be more than 511 bytes.", id), "invalid_document_id", "invalid_request")
		}
		added[i] = newDoc(text, raw)
	}
	for _, d := range added {
		if old := x.docs[d.id]; old != nil {
			d.order = old.order
			x.remove(d.id)
		} else {
			d.order = x.next
			x.next++
		}
		x.docs[d.id] = d
		for _, g := range d.groups() {
			if x.groups[g] == nil {
				x.groups[g] = map[string]*doc{}
			}
			x.groups[g][d.id] = d
		}
	}
	x.updated = time.Now().UTC()
	return nil
}

func (d *doc) groups() []string {
	var out []string
	for _, attr := range groupAttrs {
		for _, text := range d.values[attr].texts {
			out = append(out, attr+"\x00"+text)
		}
	}
	return out
}

// remove takes a document out and reports whether there was one.
func (x *index) remove(id string) bool {
	d := x.docs[id]
	if d == nil {
		return false
	}
	delete(x.docs, id)
	for _, g := range d.groups() {
		delete(x.groups[g], id)
	}
	return true
}

func newDoc(id string, raw map[string]json.RawMessage) *doc {
	d := &doc{id: id, raw: raw, values: make(map[string]value, len(raw))}
	for name, field := range raw {
		var v any
		if json.Unmarshal(field, &v) == nil {
			var read value
			read.add(v)
			d.values[name] = read
		}
	}
	return d
}

// maxFacetBytes is how much of a string filters and facets see.
const maxFacetBytes = 479

func (v *value) add(field any) {
	switch field := field.(type) {
	case nil:
		v.null = true
	case string:
		text := normalise(field)
		for len(text) > maxFacetBytes {
			text = text[:len(text)-1]
		}
		v.texts, v.original = append(v.texts, text), append(v.original, field)
	case float64:
		v.numbers = append(v.numbers, field)
	case bool:
		v.add(fmt.Sprint(field))
	case []any:
		for _, one := range field {
			v.add(one)
		}
	}
}

func (x *index) names(setting string) []string {
	list, _ := x.settings[setting].([]any)
	out := make([]string, len(list))
	for i, v := range list {
		out[i], _ = v.(string)
	}
	return out
}

func (x *index) number(setting, field string) int {
	object, _ := x.settings[setting].(map[string]any)
	n, _ := object[field].(float64)
	return int(n)
}

// set changes settings; it returns what went wrong.
func (x *index) set(change map[string]any) {
	for name, v := range change {
		switch name {
		case "typoTolerance", "faceting", "pagination": // Merged.
			old, _ := x.settings[name].(map[string]any)
			merged := map[string]any{}
			maps.Copy(merged, old)
			given, _ := v.(map[string]any)
			for k, n := range given {
				if n != nil {
					merged[k] = n
				}
			}
			v = merged
		}
		x.settings[name] = v
	}
	x.updated = time.Now().UTC()
}

// sortedNames orders a list of names, as the server keeps some settings.
func sortedNames(setting any) any {
	list, _ := setting.([]any)
	out := slices.Clone(list)
	slices.SortFunc(out, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return out
}

func (x *index) info() answer {
	return answer{status: http.StatusOK, body: map[string]any{
		"uid": x.uid, "createdAt": x.created.Format(time.RFC3339Nano), "updatedAt": x.updated.Format(time.RFC3339Nano), "primaryKey": x.primaryKey,
	}}
}

func (x *index) stats() answer {
	fields := map[string]int{}
	for _, d := range x.docs {
		for name := range d.raw {
			fields[name]++
		}
	}
	return ok(map[string]any{
		"numberOfDocuments": len(x.docs), "rawDocumentDbSize": 65536, "avgDocumentSize": 274, "isIndexing": false,
		"numberOfEmbeddings": 0, "numberOfEmbeddedDocuments": 0, "fieldDistribution": fields,
	})
}
