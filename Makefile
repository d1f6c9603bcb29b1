# Two commands set up a fresh machine that has Python and make: `make demo` and `make test`. `make help` lists all.

PYTHON ?= python3
VENV ?= .venv
# On Linux the index's own torch brings CUDA, several gigabytes. Without a GPU:
#   make demo TORCH_INDEX=https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=
WORKERS ?= 2
DEMO ?= demo
CASES ?= 10000
KILLS ?= 50

BIN := $(VENV)/bin
PIP_INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
              $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))
PACKAGED := setup.py pyproject.toml constraints.txt landscape/version.py

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test test-fast lint bench docs plotly site hooks fuzz torture clean

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Each stamp is made last, by a command of its own, so that an interrupted installation starts again.
$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo 'Python 3.11 or newer is needed; name one, such as: make PYTHON=python3.12'; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.runtime: $(VENV)/.created $(PACKAGED)
	$(PIP_INSTALL) --editable .
	@touch $@

$(VENV)/.test: $(VENV)/.runtime
	$(PIP_INSTALL) --editable '.[test,lint,docs,examples]'
	@touch $@

$(VENV)/.bench: $(VENV)/.runtime
	$(PIP_INSTALL) --editable '.[bench]'
	@touch $@

demo: $(VENV)/.runtime  ## train SASRec and SAMRec on the built-in data and compare their loss surfaces
	@for method in sasrec samrec; do \
	    $(BIN)/landscape train $$method --out $(DEMO)/$$method --resume || exit 1; \
	done
	@$(BIN)/landscape evaluate $(DEMO)/sasrec/checkpoint.pt $(DEMO)/samrec/checkpoint.pt
	@$(BIN)/landscape compare $(DEMO)/sasrec/checkpoint.pt $(DEMO)/samrec/checkpoint.pt --out $(DEMO)/comparison.html
	@echo
	@echo 'Open in a browser:'
	@echo '  $(abspath $(DEMO))/comparison.html'

test: $(VENV)/.test  ## install what the tests need and run them
	$(BIN)/python -m pytest -n $(WORKERS) $(TESTS)

test-fast: $(VENV)/.test  ## run the tests that need neither a browser nor more than about a second
	$(BIN)/python -m pytest -n $(WORKERS) -m 'not slow and not browser' $(TESTS)

lint: $(VENV)/.test  ## check style, docstrings and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

fuzz: $(VENV)/.test  ## try changed files on all that reads them (CASES=10000 each); faults are kept in fuzz/
	$(BIN)/python -m tests.fuzz --cases $(CASES) --workers $(WORKERS)

torture: $(VENV)/.test  ## kill commands at random moments (KILLS=50 each) and compare with undisturbed ones
	$(BIN)/python -m tests.torture --kills $(KILLS)

bench: $(VENV)/.bench  ## time and weigh everything on Amazon Beauty, beside the public alternatives
	$(BIN)/python -m benchmarks $(BENCH)

docs: $(VENV)/.runtime  ## write the command reference and the drawing of the rooms anew, from the code
	$(BIN)/python docs/reference.py
	$(BIN)/python docs/architecture.py

plotly: $(VENV)/.runtime  ## bundle the part of plotly.js that the pages use, for the installed plotly (needs npm)
	$(BIN)/python -m landscape.figures.explorer.bundle

site: $(VENV)/.test  ## build the documentation as pages that open offline: site/index.html
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

hooks: $(VENV)/.test  ## check style and types before each git commit
	$(BIN)/pre-commit install

clean:  ## remove the environment, caches, build products and the demo (never runs/)
	rm -rf $(VENV) $(DEMO) site build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
