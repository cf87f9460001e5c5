# Everything a developer does here. `make` alone tells.
SHELL := /bin/bash
.DEFAULT_GOAL := help
# The one to build the environment with; deploy/setup.sh finds one.
PYTHON ?=
VENV := .venv
# More than cores are likely: tests also wait.
WORKERS ?= 3
COUNT ?= 20000
KILLS ?= 100
SEED ?= 1
FILES ?= 500
CHECKS ?= 1000
EVENTS ?= 100000
BIN := $(VENV)/bin
STAMP := $(VENV)/.synced
AUDIT := .audit
BENCH := .bench
# Many programs start together: none shall compile what another has compiled already.
unexport PYTHONDONTWRITEBYTECODE

help:  ## tell what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

serve: $(STAMP)  ## run everything on this machine: http://localhost:8000, mailbox http://localhost:8025
	@$(BIN)/python -m deploy.local serve

down: $(STAMP)  ## stop what `make serve` started elsewhere
	@$(BIN)/python -m deploy.local down

test: $(STAMP)  ## all tests, on servers of their own; WORKERS at once, each with its own
	@$(BIN)/python -m deploy.local tools
	$(BIN)/python -m pytest --numprocesses=$(WORKERS) --dist=loadscope --no-loadscope-reorder $(ARGS)

unit: $(STAMP)  ## the tests that need no servers and no other programs
	$(BIN)/python -m pytest --numprocesses=2 --dist=loadscope --no-loadscope-reorder -m "not programs" tests/unit tests/contract $(ARGS)

fuzz: $(STAMP)  ## hostile headers and made-up API requests, COUNT of them in all
	@$(BIN)/python -m deploy.local tools
	PREREVIEW_FUZZ_COUNT=$$(($(COUNT) * 2 / 5)) PREREVIEW_FUZZ_EXAMPLES=$$(($(COUNT) / 500)) $(BIN)/python -m pytest --log-cli-level=INFO \
	  tests/unit/gateway/http/test_hostile_headers.py tests/integration/shared/messaging/test_hostile_headers.py \
	  tests/e2e/test_hostile_headers.py tests/e2e/test_api_fuzz.py $(ARGS)

faults: $(STAMP)  ## kill, stop and starve everything, and prove that nothing is lost; KILLS, ONLY=name, SEED
	@$(BIN)/python -m deploy.local tools
	PREREVIEW_FAULTS_KILLS="$(KILLS)" PREREVIEW_FAULTS_ONLY="$(ONLY)" PREREVIEW_FAULTS_SEED="$(SEED)" $(BIN)/python -m tests.faults

bench: $(STAMP) $(BENCH)/.synced  ## measure against what else one could use, and write docs/performance.md; ONLY=name, FILES, CHECKS, EVENTS
	PREREVIEW_BENCH_FILES="$(FILES)" PREREVIEW_BENCH_CHECKS="$(CHECKS)" PREREVIEW_BENCH_EVENTS="$(EVENTS)" $(BIN)/python -m benchmarks $(ONLY)

check: $(STAMP)  ## lint, format, types, import rules, derived files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m deploy.docs --check

fmt: $(STAMP)  ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

audit: $(AUDIT)/.synced  ## look for what is known against our code (bandit) and our packages (pip-audit)
	@$(AUDIT)/bin/python -m deploy.audit

migrate: $(STAMP)  ## bring the local database's schemas to today's version
	@$(BIN)/python -m deploy.local migrate

rebuild: $(STAMP)  ## rebuild read tables of the local database from events
	@$(BIN)/python -m deploy.local rebuild

docs: $(STAMP)  ## write what is derived: schemas, AsyncAPI, OpenAPI, docs/events.md, .env.example
	$(BIN)/python -m deploy.docs

clean:  ## remove what was built; the data in .local stay
	rm -rf $(VENV) $(AUDIT) $(BENCH) .tools .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A virtual environment from the lock. uv is fetched into an environment of its own: a fresh machine has
# Python and nothing else. Without ensurepip (Debian's python3 without python3-venv) pip is not there.
$(STAMP): pyproject.toml uv.lock deploy/setup.sh
	@PYTHON=$(PYTHON) deploy/setup.sh $(VENV) dev browser
	@touch $@

# Celery and what it needs, which nothing of the product uses.
$(BENCH)/.synced: pyproject.toml uv.lock deploy/setup.sh
	@PYTHON=$(PYTHON) deploy/setup.sh $(BENCH) bench
	@touch $@

$(AUDIT)/.synced: pyproject.toml uv.lock deploy/setup.sh
	@PYTHON=$(PYTHON) deploy/setup.sh $(AUDIT) audit
	@touch $@

.PHONY: help serve down test unit fuzz faults bench check audit fmt migrate rebuild docs clean
