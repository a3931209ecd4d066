# Everything CI does, a target each; `make help` lists them. Tools are installed
# here at pinned versions, into .bin, so nothing but Go, git and make is needed.

SHELL       := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

GO ?= go

GOLANGCI_VERSION := v2.15.0
MOCKERY_VERSION  := v3.9.0
# The version that this golangci-lint carries, so that the two agree.
GOFUMPT_VERSION  := v0.12.0

# The version is part of the file name: raising it installs the new one.
BIN      := $(CURDIR)/.bin
GOLANGCI := $(BIN)/golangci-lint-$(GOLANGCI_VERSION)
MOCKERY  := $(BIN)/mockery-$(MOCKERY_VERSION)
GOFUMPT  := $(BIN)/gofumpt-$(GOFUMPT_VERSION)

# Folders that hold generated files only.
GENERATED := crm/crmmock crm/identity/identitymock transports/httpapi/httpapimock

# The product is built without cgo; only the race detector needs it.
export CGO_ENABLED ?= 0

PKG       ?= ./...
# The packages whose tests run a second time, on Postgres. Those of the API do so
# too by ONPOSTGRES='./transports/httpapi ./crm/identity', which takes minutes.
ONPOSTGRES ?= ./crm/identity
TESTFLAGS ?=
# STRICT=1 makes a skipped test a failure, as CI does.
STRICT    ?=
FUZZTIME  ?= 30s
BENCHFLAGS ?=

# The tests that honour OMNICRM_SOAK, and where they are.
SOAKTESTS := TestServerKilledAtRandomUnderLoad|TestEveryProcessOverPostgresDiesAtRandomUnderLoad|TestARollingRestartUnderLoadFailsNoRequest|TestServerKeepsItsOwnDocument|TestRoundTripOfManyContacts|TestStreamsDuringAnImport|TestKilledWorkersEndEveryJobOnce|TestHistoriesOnSQLite|TestHistoriesOnPostgres|TestEveryJobEndsOnceWhateverDies|TestStoreBehindAPooler
SOAKPKGS  := ./cmd/crmserver ./transports/httpapi ./crm ./crm/crmtest ./adapters/asynq ./adapters/postgres

.PHONY: help
help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## Compile everything and leave the static server in bin/crmserver.
	$(GO) build ./...
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags='-s -w' -o bin/ ./cmd/crmserver

.PHONY: test
test: ## Install what tests need, vet, run every test on every store, and say what was left out (STRICT=1: fail on it).
	.ci/services
	$(GO) vet $(PKG)
	{ rc=0; \
	  $(GO) test -json -count=1 -vet=off -timeout=15m $(TESTFLAGS) $(PKG) || rc=1; \
	  OMNICRM_TEST_STORE=postgres $(GO) test -json -count=1 -vet=off -timeout=15m $(TESTFLAGS) $(ONPOSTGRES) || rc=1; \
	  exit $$rc; \
	} | $(GO) run ./internal/testreport $(if $(STRICT),-strict)

.PHONY: race
race: ## Run every test under the race detector (needs a C compiler).
	CGO_ENABLED=1 $(GO) test -race -count=1 -timeout=30m $(TESTFLAGS) $(PKG)

.PHONY: lint
lint: $(GOLANGCI) ## Run the named linters of .golangci.yml.
	$(GOLANGCI) run $(PKG)

.PHONY: generate
generate: $(MOCKERY) ## Rewrite the generated files: mocks, then go generate.
	rm -rf $(addsuffix /*.go,$(GENERATED))
	$(MOCKERY)
	$(GO) generate ./...

.PHONY: verify
verify: $(MOCKERY) $(GOFUMPT) ## Fail when generated files, format or go.mod are not up to date.
	.ci/verify '$(GOFUMPT)' $(GENERATED)

.PHONY: cover
cover: ## Print the share of statements the tests reach, by package and in all.
	@mkdir -p $(BIN)
	$(GO) test -count=1 -timeout=15m -coverpkg=./... -coverprofile=$(BIN)/cover.out $(TESTFLAGS) $(PKG)
	$(GO) tool cover -func=$(BIN)/cover.out | tail -1

.PHONY: soak
soak: ## Run the tests that OMNICRM_SOAK=1 makes large: 30 kills under load, 100,000 contacts out and in again, ...
	OMNICRM_SOAK=1 $(GO) test -count=1 -v -timeout=3h -run '^($(SOAKTESTS))$$' $(SOAKPKGS)

.PHONY: bench
bench: ## Print the table of the benchmark program (BENCHFLAGS are its flags).
	$(GO) run ./internal/bench $(BENCHFLAGS)

.PHONY: fuzz
fuzz: ## Run each fuzz target for FUZZTIME (30s).
	.ci/fuzz '$(FUZZTIME)'

.PHONY: tools
tools: $(GOLANGCI) $(MOCKERY) $(GOFUMPT) ## Install the pinned tools into .bin.

$(GOLANGCI):
	$(call install,github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION),golangci-lint)

$(MOCKERY):
	$(call install,github.com/vektra/mockery/v3@$(MOCKERY_VERSION),mockery)

$(GOFUMPT):
	$(call install,mvdan.cc/gofumpt@$(GOFUMPT_VERSION),gofumpt)

# install builds module@version $(1), whose command is named $(2), as the target.
define install
GOBIN='$(BIN)' GOFLAGS= $(GO) install $(1)
mv '$(BIN)/$(2)' '$@'
endef
