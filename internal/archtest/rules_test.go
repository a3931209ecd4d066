package archtest_test

// rule is a row of the table of docs/adr and the architecture: who may import
// whom. Paths are relative to the module; "*" stands for one element, and a
// final "..." for the path itself and all below it.
type rule struct {
	pkg string
	// own lists our packages that its files may import; tests may import
	// ownInTests besides, and always the package itself.
	own, ownInTests []string
	// foreign lists import paths of other modules, each with what is below it;
	// "*" is any. Tests may import foreignInTests and testForeign besides.
	foreign, foreignInTests []string
	// never lists packages of the standard library that files other than tests
	// may not import, each with what is below it.
	never []string
}

const (
	modulePath = "github.com/omnicrm/omnicrm"
	fxPath     = "go.uber.org/fx"
	testkit    = "internal/testkit"
)

// anything is every package of ours.
func anything() []string { return []string{"..."} }

// testForeign is what any test may use.
func testForeign() []string {
	return []string{
		"github.com/google/go-cmp", "github.com/stretchr/testify", "github.com/go-faker/faker/v4",
		"github.com/google/uuid", "go.uber.org/goleak", "golang.org/x/sync", "golang.org/x/text", "pgregory.net/rapid",
	}
}

// rules is the table. The first row that matches a package decides, so the
// special comes before the general. A new adapter or transport gets its own row,
// with its driver.
func rules() []rule {
	var table []rule
	for _, part := range [][]rule{domainRules(), adapterRules(), transportRules(), outerRules()} {
		table = append(table, part...)
	}
	return table
}

func domainRules() []rule {
	// The domain is tested on the embedded store, by its own suites and mocks.
	tests := []string{"crm/...", "adapters/...", "internal/testkit/...", "internal/fakedata"}
	return []rule{
		{pkg: "crm/textindex", foreign: []string{"golang.org/x/text"}},
		{
			pkg:        "crm",
			own:        []string{"crm/textindex"},
			foreign:    []string{"github.com/google/uuid", "golang.org/x/text"},
			never:      []string{"database/sql", "net/http"},
			ownInTests: tests,
		},
		{pkg: "crm/crmtest", own: []string{"crm"}, ownInTests: tests},
		{pkg: "crm/crmmock", own: []string{"crm"}, foreign: []string{"github.com/stretchr/testify"}, ownInTests: tests},
		{pkg: "crm/crmfx", own: []string{"crm"}, foreign: []string{fxPath}, ownInTests: tests},
		{
			pkg:        "crm/identity",
			own:        []string{"crm"},
			foreign:    []string{"github.com/alexedwards/argon2id"},
			ownInTests: tests,
		},
		{pkg: "crm/identity/identitytest", own: []string{"crm", "crm/identity"}, ownInTests: tests},
		{pkg: "crm/identity/identitymock", own: []string{"crm", "crm/identity"}, foreign: []string{"github.com/stretchr/testify"}},
		{pkg: "crm/identity/identityfx", own: []string{"crm", "crm/identity"}, foreign: []string{fxPath}, ownInTests: tests},
	}
}

func adapterRules() []rule {
	own := []string{"crm", "crm/identity", "adapters/internal/..."}
	tests := []string{"crm/...", "internal/testkit/...", "internal/fakedata"}
	adapter := func(name string, drivers ...string) rule {
		return rule{pkg: "adapters/" + name, own: own, foreign: drivers, ownInTests: tests}
	}
	// What several adapters share may be tested on any of them.
	shared := func(name string, drivers ...string) rule {
		return rule{pkg: "adapters/internal/" + name, own: own, foreign: drivers, ownInTests: append([]string{"adapters/..."}, tests...)}
	}
	return []rule{
		shared("sqlkit", "github.com/jmoiron/sqlx", "github.com/pressly/goose/v3"),
		shared("contactfile", "golang.org/x/text"),
		adapter("sqlite", "modernc.org/sqlite", "github.com/jmoiron/sqlx", "github.com/pressly/goose/v3"),
		adapter("postgres", "github.com/lib/pq", "github.com/jmoiron/sqlx", "github.com/pressly/goose/v3"),
		shared("rediskit", "github.com/redis/go-redis/v9"),
		{
			pkg: "adapters/asynq", own: own, foreign: []string{"github.com/hibiken/asynq", "github.com/redis/go-redis/v9", "github.com/google/uuid"},
			// A queue is nothing without a store.
			ownInTests: append([]string{"adapters/sqlite"}, tests...),
		},
		adapter("redis", "github.com/redis/go-redis/v9"),
		adapter("csv", "golang.org/x/text"),
		adapter("vcard", "golang.org/x/text"),
		adapter("jsonl"),
		adapter("phone", "github.com/nyaruka/phonenumbers"),
		{
			pkg: "adapters/meilisearch", own: own,
			foreign: []string{"github.com/meilisearch/meilisearch-go", "github.com/failsafe-go/failsafe-go"},
			// That the store answers while the service is away takes a store.
			ownInTests: append([]string{"adapters/sqlite"}, tests...),
		},
		{pkg: "adapters/*/*fx", own: []string{"crm", "crm/identity", "parent"}, foreign: []string{fxPath}, ownInTests: tests},
	}
}

func transportRules() []rule {
	own := []string{"crm", "crm/identity"}
	// Every transport's tests run over each store.
	tests := []string{"crm/...", "adapters/...", "internal/testkit/...", "internal/fakedata"}
	return []rule{
		{
			pkg: "transports/httpapi",
			own: own,
			foreign: []string{
				"github.com/danielgtaylor/huma/v2", "github.com/throttled/throttled/v2",
			},
			// Answers are held against the OpenAPI document.
			foreignInTests: []string{"github.com/pb33f/libopenapi", "github.com/pb33f/libopenapi-validator"},
			never:          []string{"database/sql"},
			ownInTests:     tests,
		},
		{pkg: "transports/httpapi/httpapimock", own: []string{"transports/httpapi"}, foreign: []string{"github.com/stretchr/testify"}},
		{pkg: "transports/*/*fx", own: []string{"crm", "crm/identity", "parent"}, foreign: []string{fxPath}, ownInTests: tests},
	}
}

func outerRules() []rule {
	return []rule{
		{pkg: "internal/testkit/...", own: []string{"crm/...", "adapters/...", "internal/fakedata", "internal/testkit/..."}, foreign: []string{"*"}},
		{
			pkg:     "internal/fakedata",
			foreign: []string{"github.com/go-faker/faker/v4", "golang.org/x/text"},
			// Its numbers are held against the parser that reads them.
			foreignInTests: []string{"github.com/nyaruka/phonenumbers"},
		},
		{pkg: "internal/archtest"},
		{pkg: "internal/testreport"},
		{pkg: "internal/bench/...", own: anything(), foreign: []string{"*"}},
		{pkg: "cmd/...", own: anything(), foreign: []string{"*"}, ownInTests: anything()},
		{pkg: "examples/...", own: anything(), foreign: []string{"*"}, ownInTests: anything()},
	}
}

// mayImportFx names the packages that know fx: the modules and those who
// compose them.
func mayImportFx() []string {
	return []string{"crm/crmfx", "crm/identity/identityfx", "adapters/*/*fx", "transports/*/*fx", "cmd/...", "examples/fxapp", testkit + "/..."}
}
