# `make demo` and `make test` are the two commands of the README; each does the set-up that it needs.
# `make` alone says what there is.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check install --quiet --prefer-binary
PROJECT := pyproject.toml packaging/plantspace/__init__.py
FOREIGN := $(wildcard tests/foreign/package.json)
NODE_READY := $(if $(FOREIGN),tests/foreign/node_modules/.ready)

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint types bench torture clean
# One thing after another: a half-made environment is nobody's to use, and pytest's summary is the last line.
.NOTPARALLEL:
.DELETE_ON_ERROR:
# Hundreds of processes start in the tests: each would compile the same thousand files again.
unexport PYTHONDONTWRITEBYTECODE

help: ## Say what there is
	@echo "Plantspace: make WHAT, where WHAT is one of"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 12

setup: $(VENV)/.test-ready $(NODE_READY) ## Make .venv and install all that the tests talk to; quick when done already

demo: $(VENV)/.demo-ready ## Run a whole plant on this machine; it says what to open
	@$(BIN)/plantspace demo

test: setup lint types ## Set up, lint, check types and import direction, run every test
	$(BIN)/python -m pytest -q -n 2 --dist loadfile

lint: $(VENV)/.test-ready ## Style, format and import direction
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(VENV)/.test-ready ## Types, strictly
	$(BIN)/pyright --threads 2 --pythonpath $(BIN)/python

bench: $(VENV)/.test-ready ## Measure the claims of docs/reference/performance.md; prints JSON
	@$(BIN)/python -m bench

torture: $(VENV)/.test-ready ## What takes too long for every run: 1 000 kills, many random examples; some hours
	$(BIN)/python -m tests.torture --kills 1000
	PLANTSPACE_THOROUGH=1 $(BIN)/python -m pytest -q -n 2 --dist loadfile tests/unit tests/conformance tests/system

clean: ## Remove what make made: .venv, node_modules, caches, builds
	rm -rf $(VENV) tests/foreign/node_modules build dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The product and what it can show: a broker is nice to have in the demo, so a machine that cannot get one goes on.
$(VENV)/.demo-ready: $(PROJECT)
	@PYTHON='$(PYTHON)' packaging/system-packages python
	@PYTHON='$(PYTHON)' packaging/system-packages broker || echo "make: no MQTT broker here; the demo runs without one"
	@test -x $(BIN)/python || { echo "make: making $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@echo "make: installing Plantspace and its dependencies into $(VENV)"
	@$(PIP) --editable .
	@touch $@

# All of the above and what develops and tests it. Debian starts an installed Mosquitto as a service; the tests start
# their own on a free port and never ask for that one.
$(VENV)/.test-ready: $(PROJECT)
	@PYTHON='$(PYTHON)' packaging/system-packages python broker node
	@PYTHON='$(PYTHON)' packaging/system-packages influxdb || echo "make: no InfluxDB here; the tests of that store are skipped"
	@test -x $(BIN)/python || { echo "make: making $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@echo "make: installing Plantspace, its dependencies and the development tools into $(VENV)"
	@$(PIP) --editable '.[dev]'
	@touch $(VENV)/.demo-ready $@

tests/foreign/node_modules/.ready: $(FOREIGN) $(wildcard tests/foreign/package-lock.json)
	@echo "make: installing the OPC UA client that the tests talk to (node-opcua) into tests/foreign/node_modules"
	@cd tests/foreign && npm $(if $(wildcard tests/foreign/package-lock.json),ci,install) --no-audit --no-fund --prefer-offline --loglevel=error
	@touch $@
