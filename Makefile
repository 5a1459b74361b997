# One line each: `make run`, `make test`. Everything else is for people who change the console.
PYTHON ?= python3
PORT ?= 8000
HOST ?= 127.0.0.1
CONFIG ?=
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q

.PHONY: run test lint fmt peers test-peers bench clean help

help:
	@printf '%s\n' 'make run [PORT=9000] [CONFIG=file.yaml]   the console, on the lab or on your platform' \
	  'make test          unit, lab, wire and browser tests' 'make lint fmt      style, types, import rules' \
	  'make peers         real servers to point a console at' 'make test-peers    the adapters against them' \
	  'make bench         figures beside their limits' 'make clean         remove what was built'

$(VENV)/run.stamp: requirements.txt
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed: install it, or name it with PYTHON=…"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; $(PYTHON) is older: name another with PYTHON=…"; exit 1; }
	@test -w . || { echo "This folder cannot be written: copy the repository to a folder of your own"; exit 1; }
	@test -x $(BIN)/python || { echo "Creating the virtual environment …"; $(PYTHON) -m venv $(VENV); }
	@echo "Installing pinned packages …"
	@$(PIP) install --no-compile -r requirements.txt
	@touch $@

$(VENV)/dev.stamp: $(VENV)/run.stamp requirements-dev.txt
	@echo "Installing the tools for tests …"
	@$(PIP) install --no-compile -r requirements-dev.txt
	@touch $@

run: $(VENV)/run.stamp
	@exec $(BIN)/python -m openova_console run --host $(HOST) --port $(PORT) $(if $(CONFIG),--config $(CONFIG),--lab)

test: $(VENV)/dev.stamp
	@$(BIN)/python -m openova_console build
	@$(BIN)/python -m pytest -n 2 --dist loadgroup -m 'not peers' -rs tests

lint: $(VENV)/dev.stamp
	@$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/lint-imports

fmt: $(VENV)/dev.stamp
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

peers: $(VENV)/dev.stamp
	@$(BIN)/python -m tests.peers.binaries
	@$(BIN)/python -m tests.peers up

test-peers: $(VENV)/dev.stamp
	@$(BIN)/python -m tests.peers.binaries
	@OPENOVA_PEERS_REQUIRED=1 $(BIN)/python -m pytest -n0 -m peers -rs tests/peers

bench: $(VENV)/dev.stamp
	@$(BIN)/python -m openova_console build
	@$(BIN)/python -m benchmarks

clean:
	@rm -rf $(VENV) .web .run .data .states .pytest_cache .mypy_cache .ruff_cache .hypothesis
