# polyframe: `make demo` and `make test` need Python 3.11+, pip and make, and nothing else.
# Every path is relative, so `make -C "any where/polyframe" demo` works too.

PYTHON ?= python3
VENV   ?= .venv
UV     ?= uv
PYTEST_ARGS ?=

PY  := $(VENV)/bin/python
RUN := $(VENV)/tree.stamp
DEV := $(RUN) $(VENV)/tools.stamp
# pip comes from the outer Python: a Debian without python3-venv still gets an environment.
PIP := $(PYTHON) -m pip --python $(PY) --disable-pip-version-check -qq
# Wheels only: building somebody's sdist would fetch an unpinned build backend.
PINNED := $(PIP) install --require-hashes --only-binary :all: --requirement
# The pins name no package index: --no-emit-index-url keeps it out.
COMPILE := $(UV) pip compile --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --no-header --quiet

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test nightly coverage lint format types package examples pins clean

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## /make \1	/p' Makefile

demo: $(RUN) ## set up and make markets on paper for a minute: no keys, no network needed
	$(PY) -m polyframe run strategies/maker.yaml --profile paper --venue embedded --speed 20 --for 60s

test: $(DEV) ## set up and run every test
	$(PY) -m pytest --numprocesses auto --dist worksteal $(PYTEST_ARGS)

nightly: $(DEV) ## what a gate has no time for: many more kills in the rehearsal, and coverage
	POLYFRAME_NIGHTLY=1 $(PY) -m pytest tests/rehearsal -o log_cli=true --log-cli-level=INFO $(PYTEST_ARGS)
	$(MAKE) coverage

coverage: $(DEV) ## hold the pure modules to their share of branches that tests reach (eight minutes)
	$(PY) -m pytest --numprocesses auto --dist worksteal -m "not no_cover" --ignore tests/rehearsal --cov --cov-report=
	$(PY) tests/support/pure_coverage.py

lint: $(DEV) ## ruff: rules and formatting
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

format: $(DEV) ## ruff: repair what it can
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

types: $(DEV) ## mypy, strict, over the core and every plugin
	$(PY) -m mypy

package: $(DEV) ## build dist/: the sdist, and the wheel from that sdist
	rm -rf dist
	$(PY) -m build --no-isolation
	$(PY) -m zipfile --test dist/*.whl

examples: ## in a fresh environment: polyframe's wheel, examples/, and what `new-plugin` writes
	$(PYTHON) tests/support/fresh_environment.py

pins: ## compile requirements/*.txt anew from pyproject.toml (needs uv and the package index)
	$(COMPILE) --group build --upgrade --output-file requirements/run.txt pyproject.toml
	$(COMPILE) --group dev --constraint requirements/run.txt --output-file requirements/dev.txt \
		pyproject.toml

clean: ## remove the environment, caches and builds; runs/ and reports/ stay
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# New pins begin with an empty environment, so nothing that left the pins stays behind.
$(VENV)/run.stamp: requirements/run.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "polyframe needs Python 3.11 or newer: make PYTHON=python3.11 ..." >&2; exit 1; }
	@echo "Setting up $(VENV) from requirements/run.txt (about half a minute, once) ..."
	@$(PYTHON) -m venv --clear --without-pip $(VENV)
	@$(PINNED) requirements/run.txt
	@touch $@

$(VENV)/tree.stamp: pyproject.toml $(VENV)/run.stamp
	@$(PIP) install --no-index --no-build-isolation --no-deps --editable .
	@touch $@

# --no-deps: the file is complete, but pip would miss what pyproject.toml excludes from it.
$(VENV)/tools.stamp: requirements/dev.txt $(VENV)/run.stamp
	@echo "Adding the tools of requirements/dev.txt ..."
	@$(PINNED) requirements/dev.txt --no-deps
	@touch $@
