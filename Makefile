# Works with GNU Make 3.81 and any sh. PYTHON=… chooses the interpreter of a new .venv.

SETUP = python=$$(sh tools/find-python) && "$$python" -m tools.setup
BIN = .venv/bin
# Tests wait more than they compute: a third worker is worth it on two cores.
WORKERS = 3
ENVOY = newest
EXAMPLES = 20000
OLDER = $(patsubst %.x,%,$(filter-out newest,$(ENVOY)))

.PHONY: help setup run test e2e cards playground fuzz mutate check bench proto bundle lock fmt clean

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "make %-10s  %s\n", $$1, $$2 }' Makefile

setup: ## Install everything that run, check and test need into .venv and .tools
	@$(SETUP) test

run: ## Start the demo; ARGS=--once ends it after the walk
	@$(SETUP) run
	@$(BIN)/holdgate demo $(ARGS)

# policies/* and not policies: OPA files a data.json under its path below the folder it is given.
define CHECKS
$(BIN)/ruff check --quiet
$(BIN)/ruff format --check --quiet
$(BIN)/mypy
$(BIN)/lint-imports --no-cache --no-logo
if [ -d policies ]; then opa=$$($(BIN)/python -m tools.opa) && \
	"$$opa" check --strict --schema authz/schemas policies && \
	{ "$$opa" fmt --list --fail policies || { "$$opa" fmt --diff policies; false; }; } && \
	"$$opa" test policies/*; fi
$(BIN)/python -m tools.proto check
$(BIN)/python -m tools.locks check
endef

check: ## Lint, types, layers, policies, generated code and locks
	@$(SETUP) check
	$(CHECKS)

test: ## The checks and the whole test suite
	@$(SETUP) test
	$(CHECKS)
	$(BIN)/pytest --numprocesses $(WORKERS) --dist worksteal

e2e: ## The end-to-end tests; ENVOY=1.37.x or 1.38.x takes an older Envoy, ARGS=PATH some tests
	@$(SETUP) test
	@$(if $(OLDER),$(BIN)/python -m tools.setup envoy-$(OLDER))
	@set -e; $(if $(OLDER),ENVOY_BIN=$$($(BIN)/python -m tools.envoys $(OLDER)); export ENVOY_BIN;) \
	$(BIN)/pytest --numprocesses $(WORKERS) --dist worksteal $(or $(ARGS),tests/e2e)

cards: ## Draw every kind of card as Teams would, light and dark, into .run/cards
	@$(SETUP) cards
	@$(BIN)/python -m tests.e2e.cards $(ARGS)

# No part of make test: the client is fetched from npm, and its licence is for evaluation.
playground: ## Approve in Microsoft's test client for Teams, offline; needs npm and chromium
	@$(SETUP) test
	@$(BIN)/python -m tests.e2e.teams_bot.playground

# Whole requests take Hypothesis its time; bytes are quicker, so that ten times as many are tried.
fuzz: ## Fuzz the check for longer than make test; EXAMPLES=N, 20,000 if not said; PEER=HOST:PORT compares, too
	@$(SETUP) fuzz
	HOLDGATE_FUZZ_EXAMPLES=$(EXAMPLES) $(BIN)/pytest --timeout 0 --numprocesses $(WORKERS) --dist worksteal tests/fuzz
	$(BIN)/python -m tests.fuzz --runs $(EXAMPLES)0
	$(if $(PEER),$(BIN)/python -m tests.fuzz.differential --peer $(PEER) --examples $(EXAMPLES))

mutate: ## Change the rules, one place at a time, and see whether a test notices; ARGS=PATHS takes a part
	@$(SETUP) mutation
	@$(BIN)/python -m tools.mutation $(ARGS)

bench: ## Measure; ARGS="--peer HOST:PORT" compares with another ext_authz server
	@$(SETUP) bench
	@$(BIN)/python -m bench $(ARGS)

proto: ## Make authz/wire/ from proto/
	@$(SETUP) check
	$(BIN)/python -m tools.proto write

bundle: ## Build the Rego library as an OPA bundle, dist/holdgate-library.tar.gz or ARGS=FILE
	@$(SETUP) check
	@$(BIN)/python -m tools.bundle $(ARGS)

lock: ## Resolve requirements/ for all platforms; ARGS=--upgrade takes newer versions
	@$(SETUP) run
	$(BIN)/python -m tools.locks write $(ARGS)

fmt: ## Format Python and Rego, mend what ruff can
	@$(SETUP) check
	$(BIN)/ruff check --quiet --fix --exit-zero
	$(BIN)/ruff format
	if [ -d policies ]; then "$$($(BIN)/python -m tools.opa)" fmt --write policies; fi

clean: ## Remove what set-up, demo and tools made
	rm -rf .venv .tools .run .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .fuzz mutants
