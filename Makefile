# Every target makes the environment it needs. `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Several runs side by side, which a busy machine would make invalid: nothing else goes beside them.
WHOLE_RUNS := tests/e2e/test_scenarios.py

.DEFAULT_GOAL := help
.PHONY: help install demo test test-fast test-full check bench bench-storage page clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Chatquake needs Python 3.11 or newer; say which with: make PYTHON=python3.12 ...")'
	@echo "Installing into $(VENV); about a minute the first time …"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $(STAMP)

install: $(STAMP) ## make the environment in .venv

demo: $(STAMP) ## users lose their WebSocket, fall back to polling and come back (about a minute after installation)
	$(BIN)/chatquake run ws-blocked

check: $(STAMP) ## format, lint, types and the import direction
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy

test-fast: $(STAMP) ## the fast core: no real network, about two minutes
	$(BIN)/python -m pytest -q -n auto -m "not e2e"

test: check test-fast ## everything, with the real Toxiproxy, sockets and processes
	$(BIN)/python -m pytest -q -m e2e -n 2 --dist loadfile --ignore=$(WHOLE_RUNS)
	$(BIN)/python -m pytest -q -m e2e $(WHOLE_RUNS)

test-full: $(STAMP) ## every scenario of the library and its red twin, three times: hours; stop it and go on at will (ARGS="NAME --again")
	@$(BIN)/python -m tests.full $(ARGS)

bench: $(STAMP) ## what a delivery, each of its layers, a user, hidden tabs and the server cost (seven minutes; ends with a line of JSON)
	@$(BIN)/python -m benchmarks.run

bench-storage: $(STAMP) ## what F4's index and group commit are worth (two minutes; ends with a line of JSON)
	@$(BIN)/python -m benchmarks.storage

page: ## build the chat page's vendor code again (needs Node 18 or newer and npm)
	cd page && npm ci --ignore-scripts && npm run build

clean: ## remove the environment, caches and run directories
	rm -rf $(VENV) runs build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	rm -rf tests/conformance/node/node_modules page/node_modules tests/conformance/python/.venv
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
