PYTHON ?= python3
PORT ?= 8000
BIND ?= 127.0.0.1:$(PORT)
BIN := .venv/bin
URL := http://127.0.0.1:$(PORT)

.DEFAULT_GOAL := help
.PHONY: docs help setup run test versions serve lint types faults soak fuzz audit bench bench-check

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.installed tests/clients/node_modules/.installed lessy/web/node_modules/.installed ## Install what running and testing need

run: .venv/.installed lessy/web/node_modules/.installed ## Serve the demo on http://127.0.0.1:8000 (PORT=8000)
	@$(BIN)/python -m notifications.server.ports $(PORT)
	@echo "Preparing the database"
	@$(BIN)/python manage.py migrate --verbosity 0
	@$(BIN)/python manage.py seed
	@echo "Lessy:     $(URL)   (log in as dalecooper / secret)"
	@echo "Subscribe: $(BIN)/python examples/subscribe.py ws://127.0.0.1:$(PORT)/cable \$$($(BIN)/python manage.py issue_token dalecooper)"
	@$(BIN)/python manage.py runserver $(PORT)

test: setup .venv/.installed-dev ## Run every test
	$(BIN)/pytest --numprocesses 2 --dist loadfile

versions: setup .venv/.installed-dev ## Run the cable's tests with every Python and Django that can be had (VERSIONS="lowest newest")
	$(BIN)/python -m tests.versions $(VERSIONS)

soak: setup .venv/.installed-dev ## Run the tests of load with the promised amounts (long, wants a quiet machine)
	LESSY_SOAK=full $(BIN)/pytest -q --timeout 3600 tests/end_to_end/soak

faults: setup ## Break Redis, servers and the network under the promised load, on PostgreSQL (long, wants a quiet machine)
	LESSY_FAULTS=full LESSY_LOADS=1000 LESSY_RANDOM_TRANSACTIONS=10000 LESSY_RANDOM_TEAMS=10000 $(BIN)/python -m tests.support.postgres $(BIN)/pytest -q --timeout 3600 tests/end_to_end/faults tests/notifications/test_random_transactions.py tests/notifications/test_random_teams.py tests/notifications/test_audience_plan.py

fuzz: setup ## Send 100,000 malformed frames and 4,000 handshakes (FRAMES=100000 SEED=1)
	$(BIN)/python -m tests.end_to_end.fuzz.attack --frames $(or $(FRAMES),100000) --seed $(or $(SEED),1)

audit: .venv/.installed-dev ## Ask PyPI for known vulnerabilities of what runs
	$(BIN)/pip-audit --strict --disable-pip --no-deps -r requirements.txt

serve: .venv/.installed ## Serve as production does (needs its environment; BIND=127.0.0.1:8000)
	$(BIN)/python manage.py serve --bind $(BIND)

bench: .venv/.installed-dev ## Measure against other servers, into docs/benchmarks/ (BENCH="delivery crowd" ROUNDS=3)
	$(BIN)/python -m benchmarks $(BENCH) --rounds $(or $(ROUNDS),3) --save

bench-check: .venv/.installed-dev ## Fail when a delivery costs 10 % more than recorded, as a ratio to the floor
	$(BIN)/python -m benchmarks.check

# Without --quiet, because --strict ignores warnings that are not shown.
docs: .venv/.installed-dev ## Build the documentation into site/; a dead link fails
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

lint: .venv/.installed-dev ## Check style and formatting
	$(BIN)/ruff check
	$(BIN)/ruff format --check

types: .venv/.installed-dev ## Check types
	$(BIN)/mypy .

# Stamp files: packages are installed again only when a requirements file has changed.
.venv/.installed: requirements.txt
	@test -x $(BIN)/python || { echo "Creating .venv"; $(PYTHON) -m venv .venv; }
	@$(BIN)/python -m lessy.installing requirements.txt
	@touch $@

.venv/.installed-dev: requirements-dev.txt .venv/.installed
	@$(BIN)/python -m lessy.installing requirements-dev.txt
	@touch $@

# Without Node the tests of the JavaScript clients are skipped, with a message.
tests/clients/node_modules/.installed: tests/clients/package.json
	@if command -v npm >/dev/null; then \
		echo "Installing the clients that the tests drive with npm"; \
		cd tests/clients && npm install --no-package-lock --no-audit --no-fund --silent && touch node_modules/.installed; \
	else \
		echo "npm is not installed: the tests of the JavaScript clients will be skipped"; \
	fi

# Without Node the start page uses this repository's own client, and says so.
lessy/web/node_modules/.installed: lessy/web/package.json
	@if command -v npm >/dev/null; then \
		echo "Installing the start page's libraries with npm"; \
		npm install --prefix lessy/web --no-package-lock --no-audit --no-fund --silent && touch $@; \
	else \
		echo "npm is not installed: the start page will do with its own client of the cable"; \
	fi
