# The commands of this repository, the same by hand and in CI. Everything lives in .venv and var/.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN_STAMP := $(VENV)/.installed-run
DEV_STAMP := $(VENV)/.installed-dev

.PHONY: run test check bench bench-engine bench-inspect chaos lock clean clean-data

# Serve the portal on 127.0.0.1:$PORTAL_PORT (8000) with a simulated datacentre, until Ctrl-C.
run: $(RUN_STAMP)
	@exec $(BIN)/python -m portal.launcher

# Everything that CI checks. One part of it: make test ARGS="tests/platform -k lock"
# The whole is shared by two processes, each with servers of its own; by one on servers that are given.
SHARED := -n 2 --dist worksteal
test: check
	@$(BIN)/pytest $(if $(ARGS)$(DATABASE_URL)$(REDIS_URL)$(PORTAL_VAR),,$(SHARED)) $(ARGS)

check: $(DEV_STAMP)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python manage.py makemigrations --check --dry-run

# Every figure of docs/benchmarks.md, measured anew on this machine; bench/results/ keeps them for programs.
bench: bench-engine bench-inspect

# The job engine: prints its table in less than four minutes. A machine with nothing else to do gives the truest figures.
bench-engine: $(DEV_STAMP)
	@$(BIN)/python -m bench.engine $(ARGS)

# The reading of images: 4 GB in 100,000 files behind a chain of three, beside dissect, cat and qemu-img. About ten minutes
# and 20 GB of disk; needs Debian's ntfs-3g, wimtools and qemu-utils. A tiny one: make bench-inspect ARGS=--small
bench-inspect: $(DEV_STAMP)
	@$(BIN)/python -m bench.inspect $(ARGS)

# 1,000 jobs of 20 steps against the lab, while everything around them is killed, cut, delayed and put out of time; ends
# with an error if anything was lost, done twice or left over. Smaller, or the same again: make chaos JOBS=200 SEED=7
chaos: $(DEV_STAMP)
	@JOBS=$(JOBS) SEED=$(SEED) $(BIN)/python -m bench.chaos $(ARGS)

# Pin the newest releases that pyproject.toml allows. The lock files name no index: they fit whichever pip is set to.
COMPILE := $(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-header --upgrade \
	--no-emit-index-url --no-emit-find-links --no-emit-trusted-host
lock: $(DEV_STAMP)
	$(COMPILE) --output-file requirements.lock pyproject.toml
	$(COMPILE) --extra dev --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; name it: make run PYTHON=python3.12")'
	@$(PYTHON) -m venv $(VENV)

# The lock files are complete (tests/platform/test_lock_files.py), so pip need not look for dependencies; and most
# modules of the larger packages are never imported, so they need not be compiled. Both together: a quarter of the time.
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --no-compile

$(RUN_STAMP): requirements.lock | $(BIN)/python
	@echo "Installing the portal's packages into $(VENV)"
	@$(PIP_INSTALL) -r requirements.lock
	@touch $@

$(DEV_STAMP): requirements-dev.lock | $(BIN)/python
	@echo "Installing the packages for development into $(VENV)"
	@$(PIP_INSTALL) -r requirements-dev.lock
	@touch $@ $(RUN_STAMP)

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis staticfiles
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Forget the database, the keys and the lab of this clone.
clean-data: | $(BIN)/python
	@$(BIN)/python -m portal.launcher clean-data
