# `make demo` and `make test` do all the set-up on a machine with Python ≥ 3.11, make and a package index.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCK := requirements.lock
BENCH := .venv-bench
LOWEST := .venv-lowest
TORCH ?= $(shell sed -nE 's/^ *"torch>=([0-9.]+).*/\1/p' pyproject.toml)

.PHONY: demo test test-lowest check test-all bench docs lock clean

# Every target works from here; the stamp is remade when what it installs changes.
$(BIN)/.installed: $(LOCK) pyproject.toml
	$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11) and 'hanka needs Python 3.11 or newer; try: make PYTHON=python3.12 ...')"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -r $(LOCK)
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	touch $@

demo: $(BIN)/.installed
	$(BIN)/hanka demo --out runs/demo

test: $(BIN)/.installed
	$(BIN)/python -m pytest tests -n 2 --dist worksteal

# Every dependency of the core, the extras and dev at exactly the lower bound that pyproject.toml declares; bounds that
# cannot be installed together fail with the reason. torch comes as the build that is given: one already in the
# environment at version TORCH stays (a CPU build, say), and `make test-lowest TORCH=2.13.0` takes another version.
$(LOWEST)/.installed-$(TORCH): pyproject.toml
	$(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/python -m pip install --quiet uv torch==$(TORCH)
	grep -oE '"[A-Za-z0-9._-]+(\[[^]]*\])?>=[0-9.]+' pyproject.toml | sed -E 's/"|\[.*\]//g; s/>=/==/; s/^torch==.*/torch==$(TORCH)/' \
	  > $(LOWEST)/bounds.txt
	$(LOWEST)/bin/uv pip compile pyproject.toml --all-extras --resolution lowest-direct --constraint $(LOWEST)/bounds.txt \
	  --python $(LOWEST)/bin/python --no-header --no-annotate --no-emit-package hanka --no-emit-package torch --quiet \
	  --output-file $(LOWEST)/versions.txt
	grep -vE '^(nvidia-|cuda-|triton)' $(LOWEST)/versions.txt > $(LOWEST)/requirements.txt
	$(LOWEST)/bin/uv pip install --quiet --python $(LOWEST)/bin/python --no-deps -r $(LOWEST)/requirements.txt
	$(LOWEST)/bin/uv pip install --quiet --python $(LOWEST)/bin/python --no-deps --editable .
	touch $@

test-lowest: $(LOWEST)/.installed-$(TORCH)
	$(LOWEST)/bin/python -m pytest tests -n 2 --dist worksteal

check: $(BIN)/.installed
	$(BIN)/ruff check src tests benchmarks docs
	$(BIN)/ruff format --check src tests benchmarks docs
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_layers.py

# hanka against its peers on the same items, in an environment of their own; torch first keeps its build as it is.
$(BENCH)/.installed: benchmarks/requirements.txt pyproject.toml
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip install --quiet --upgrade pip
	$(BENCH)/bin/python -m pip install --quiet $$(grep '^torch==' benchmarks/requirements.txt)
	$(BENCH)/bin/python -m pip install --quiet -r benchmarks/requirements.txt
	$(BENCH)/bin/python -m pip install --quiet --no-deps --editable .
	touch $@

bench: $(BENCH)/.installed
	$(BENCH)/bin/python -m benchmarks.run

docs: $(BIN)/.installed
	$(BIN)/python docs/generate.py
	$(BIN)/python -m hanka.datasets.data_card

# torch pins its own CUDA packages exactly, so the lock leaves them out: a CPU build then stays a CPU build.
lock: $(BIN)/.installed
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --extra dev --group templates --universal --python-version 3.11 --no-header --no-annotate \
	  --no-emit-package hanka --quiet --output-file $(LOCK).new
	grep -vE '^(nvidia-|cuda-|triton)' $(LOCK).new > $(LOCK)
	rm $(LOCK).new

clean:
	rm -rf $(VENV) $(BENCH) $(LOWEST) runs .pytest_cache .mypy_cache .ruff_cache
