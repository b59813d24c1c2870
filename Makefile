# One command for each thing a developer does.  `make sandbox` needs Python 3.11 with venv, nothing else.
PYTHON ?= python3
HYPERVISORS ?= 2
SANDBOXFLAGS ?=
BENCHFLAGS ?=
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check

.PHONY: setup check test acceptance acceptance-ovsdbapp bench bench-engine bench-ovsdb bench-northd bench-scale bench-switch docs sandbox clean format

# What users need.
$(VENV)/.installed: pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "missing: Python 3.11 or newer (Debian: apt-get install python3)"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "missing: Python 3.11 or newer; this is $$($(PYTHON) --version)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	    { echo "missing: Python's venv module (Debian: apt-get install python3-venv)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --editable .
	@touch $@

# What developers need besides.
$(VENV)/.developed: $(VENV)/.installed
	$(PIP) install --quiet --editable '.[dev]'
	@touch $@

setup: $(VENV)/.developed

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python docs/picture.py --check
	$(BIN)/python docs/pipeline.py --check

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: setup
	$(BIN)/python -m pytest -n 2 -m "not acceptance"

# Full counts, long runs and benches: before a capability is called done.
acceptance: setup
	PYOVN_PROFILE=acceptance $(BIN)/python -m pytest -n 2
	$(MAKE) acceptance-ovsdbapp
	$(MAKE) bench

# ovsdbapp's own tests, with our programs in the place of the C programs.
acceptance-ovsdbapp: setup
	$(BIN)/python tests/peers/run_ovsdbapp.py

bench: setup bench-engine bench-ovsdb
	$(BIN)/python bench/bench_northd.py --quick --check
	$(BIN)/python bench/bench_logical.py
	$(BIN)/python bench/bench_openflow.py
	$(BIN)/python bench/bench_switch.py --frames 5000 --rounds 3

bench-engine: setup
	$(BIN)/python bench/bench_engine.py --check

# Against Debian's server, in turn.
bench-ovsdb: setup
	$(BIN)/python bench/bench_ovsdb.py --check

bench-northd: setup
	$(BIN)/python bench/bench_northd.py $(BENCHFLAGS)

# Frames through a hypervisor's flows, beside Debian's userspace datapath.
bench-switch: setup
	$(BIN)/python bench/bench_switch.py $(BENCHFLAGS)

# Two hundred hypervisors in one process.
bench-scale: setup
	$(BIN)/python bench/bench_scale.py $(BENCHFLAGS)

docs: setup
	$(BIN)/python docs/picture.py
	$(BIN)/python docs/pipeline.py

sandbox: $(VENV)/.installed
	@$(BIN)/pyovn sandbox --hypervisors $(HYPERVISORS) $(SANDBOXFLAGS)

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build
