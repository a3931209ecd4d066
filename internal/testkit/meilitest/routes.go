package meilitest

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// answer routes a request. The caller holds s.mu.
func (s *Server) answer(r *http.Request, body []byte) answer {
	route := routeOf(r.Method, r.URL.Path)
	if route == "GET /health" {
		return ok(map[string]any{"status": "available"})
	}
	uid := ""
	if rest, found := strings.CutPrefix(r.URL.Path, "/indexes/"); found {
		uid, _, _ = strings.Cut(rest, "/")
	}
	if denied := s.authorize(r, route, uid); denied.status != 0 {
		return denied
	}
	if len(body) > s.o.PayloadLimit {
		return fail(http.StatusRequestEntityTooLarge, "The provided payload reached the size limit. The maximum accepted payload size is 5 MB.", "payload_too_large")
	}
	if len(body) > 0 && r.Header.Get("Content-Type") != "application/json" {
		return refuse("bodies are application/json here")
	}
	if why := s.book.unknown(route, r.URL.Query(), body); why != "" {
		if a, found := s.book.replay(r.Method, r.URL.Path, body); found {
			return a
		}
		return refuse("%s", why)
	}
	switch route {
	case "GET /version":
		return ok(map[string]any{"commitSha": "0000000000000000000000000000000000000000", "commitDate": "2026-07-23T14:39:41.000000000Z", "pkgVersion": s.o.Version})
	case "GET /tasks/*":
		return s.getTask(last(r))
	case "POST /indexes":
		return s.create(body)
	case "POST /multi-search":
		return s.searchMany(body)
	}
	if slices.Contains(reads, route) {
		return s.read(r, route, uid, body)
	}
	return s.write(r, route, uid, body)
}

func last(r *http.Request) string { return r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:] }

// write takes what makes, changes or deletes, as tasks.
func (s *Server) write(r *http.Request, route, uid string, body []byte) answer {
	switch route {
	case "POST /indexes/*/documents":
		return s.addDocuments(uid, r.URL.Query().Get("primaryKey"), body)
	case "POST /indexes/*/documents/delete-batch":
		return s.deleteBatch(uid, body)
	case "POST /indexes/*/documents/delete":
		return s.deleteByFilter(uid, s.indexes[uid], body)
	case "DELETE /indexes/*/documents/*":
		return s.deleteIDs(uid, []string{last(r)})
	case "DELETE /indexes/*":
		return s.dropIndex(uid)
	}
	return refuse("this stand-in has no such route")
}

// read answers what needs an index.
func (s *Server) read(r *http.Request, route, uid string, body []byte) answer {
	x := s.indexes[uid]
	if x == nil {
		return noIndex(uid)
	}
	switch route {
	case "GET /indexes/*":
		return x.info()
	case "GET /indexes/*/settings":
		return ok(x.settings)
	case "PATCH /indexes/*/settings":
		return s.updateSettings(x, body)
	case "GET /indexes/*/stats":
		return x.stats()
	case "GET /indexes/*/documents/*":
		return x.document(last(r))
	case "POST /indexes/*/search":
		return s.searchOne(x, r.URL.Path, body)
	}
	return s.facetSearch(x, body)
}

// reads are the routes that need an index.
var reads = []string{
	"GET /indexes/*", "GET /indexes/*/settings", "GET /indexes/*/stats", "GET /indexes/*/documents/*",
	"POST /indexes/*/search", "POST /indexes/*/facet-search", "PATCH /indexes/*/settings",
}

// actions are what a key must be good for.
var actions = map[string]string{
	"GET /version": "version", "GET /tasks/*": "tasks.get", "POST /indexes": "indexes.create", "POST /multi-search": "search",
	"POST /indexes/*/documents": "documents.add", "POST /indexes/*/documents/delete-batch": "documents.delete",
	"POST /indexes/*/documents/delete": "documents.delete", "DELETE /indexes/*/documents/*": "documents.delete",
	"DELETE /indexes/*": "indexes.delete", "GET /indexes/*": "indexes.get", "GET /indexes/*/settings": "settings.get",
	"PATCH /indexes/*/settings": "settings.update", "GET /indexes/*/stats": "stats.get", "GET /indexes/*/documents/*": "documents.get",
	"POST /indexes/*/search": "search", "POST /indexes/*/facet-search": "search",
}

func (s *Server) authorize(r *http.Request, route, uid string) answer {
	given, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !found {
		return fail(http.StatusUnauthorized, "The Authorization header is missing. It must use the bearer authorization method.", "missing_authorization_header")
	}
	k, known := s.keys[given]
	action := actions[route]
	if !known || !slices.Contains(k.actions, "*") && !slices.Contains(k.actions, action) {
		return fail(http.StatusForbidden, "The provided API key is invalid.", "invalid_api_key")
	}
	if uid != "" && !slices.Contains(k.indexes, "*") && !slices.Contains(k.indexes, uid) {
		allowed, _ := json.Marshal(k.indexes)
		return fail(http.StatusForbidden, "The API key cannot acces the index `"+uid+"`, authorized indexes are "+string(allowed)+".", "invalid_api_key")
	}
	return answer{}
}

var validUID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,400}$`)

func (s *Server) create(body []byte) answer {
	var asked struct{ UID, PrimaryKey string }
	if json.Unmarshal(body, &asked) != nil {
		return refuse("a body that is not understood")
	}
	if !validUID.MatchString(asked.UID) {
		return fail(http.StatusBadRequest, "Invalid value at `.uid`: `"+asked.UID+"` is not a valid index uid. Index uid can be an integer or a string containing only alphanumeric characters, hyphens (-) and underscores (_), and can not be more than 512 bytes.", "invalid_index_uid")
	}
	return s.enqueue(asked.UID, "indexCreation", map[string]any{"primaryKey": asked.PrimaryKey}, func(*task) map[string]any {
		if s.indexes[asked.UID] != nil {
			return apiError("Index `"+asked.UID+"` already exists.", "index_already_exists", "invalid_request")
		}
		s.indexes[asked.UID] = newIndex(asked.UID, asked.PrimaryKey)
		return nil
	})
}

func (s *Server) dropIndex(uid string) answer {
	details := map[string]any{"deletedDocuments": 0}
	return s.enqueue(uid, "indexDeletion", details, func(*task) map[string]any {
		x := s.indexes[uid]
		if x == nil {
			return apiError("Index `"+uid+"` not found.", "index_not_found", "invalid_request")
		}
		details["deletedDocuments"] = len(x.docs)
		delete(s.indexes, uid)
		return nil
	})
}

func (s *Server) updateSettings(x *index, body []byte) answer {
	var change map[string]any
	if json.Unmarshal(body, &change) != nil {
		return refuse("a body that is not understood")
	}
	if list, is := change["sortableAttributes"]; is {
		change["sortableAttributes"] = sortedNames(list)
	}
	return s.enqueue(x.uid, "settingsUpdate", change, func(*task) map[string]any {
		if now := s.indexes[x.uid]; now != nil {
			now.set(change)
		}
		return nil
	})
}

func (s *Server) addDocuments(uid, primaryKey string, body []byte) answer {
	var raws []map[string]json.RawMessage
	if err := json.Unmarshal(body, &raws); err != nil {
		return fail(http.StatusBadRequest, "The `json` payload provided is malformed.", "malformed_payload")
	}
	details := map[string]any{"receivedDocuments": len(raws), "indexedDocuments": 0}
	return s.enqueue(uid, "documentAdditionOrUpdate", details, func(*task) map[string]any {
		x := s.indexes[uid]
		if x == nil { // Made, without settings.
			if primaryKey == "" {
				primaryKey = "id"
			}
			x = newIndex(uid, primaryKey)
			s.indexes[uid] = x
		}
		if failure := x.put(raws); failure != nil {
			return failure
		}
		details["indexedDocuments"] = len(raws)
		return nil
	})
}

func (s *Server) deleteBatch(uid string, body []byte) answer {
	var ids []string
	if json.Unmarshal(body, &ids) != nil {
		return refuse("a list of ids that are not texts")
	}
	return s.deleteIDs(uid, ids)
}

func (s *Server) deleteIDs(uid string, ids []string) answer {
	details := map[string]any{"providedIds": len(ids), "deletedDocuments": 0, "originalFilter": nil}
	return s.enqueue(uid, "documentDeletion", details, func(*task) map[string]any {
		x := s.indexes[uid]
		if x == nil {
			return apiError("Index `"+uid+"` not found.", "index_not_found", "invalid_request")
		}
		deleted := 0
		for _, id := range ids {
			if x.remove(id) {
				deleted++
			}
		}
		details["deletedDocuments"] = deleted
		return nil
	})
}

func (s *Server) deleteByFilter(uid string, x *index, body []byte) answer {
	var asked struct{ Filter string }
	if json.Unmarshal(body, &asked) != nil {
		return refuse("a filter that is not a text")
	}
	if asked.Filter == "" {
		return fail(http.StatusBadRequest, "Sending an empty filter is forbidden.", "invalid_document_filter")
	}
	f, bad := s.parse(x, asked.Filter, "invalid_document_filter")
	if bad.status != 0 || bad.refused != "" {
		return bad
	}
	original, _ := json.Marshal(asked.Filter)
	details := map[string]any{"providedIds": 0, "deletedDocuments": 0, "originalFilter": string(original)}
	return s.enqueue(uid, "documentDeletion", details, func(*task) map[string]any {
		x := s.indexes[uid]
		if x == nil {
			return apiError("Index `"+uid+"` not found.", "index_not_found", "invalid_request")
		}
		deleted := 0
		for id, d := range x.docs {
			if f.keeps(d) {
				x.remove(id)
				deleted++
			}
		}
		details["deletedDocuments"] = deleted
		return nil
	})
}

func (x *index) document(id string) answer {
	d := x.docs[id]
	if d == nil {
		return fail(http.StatusNotFound, "Document `"+id+"` not found.", "document_not_found")
	}
	return ok(d.raw)
}
