# Each target does its own set-up; only Python >= 3.11 and make must be there.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# `jupyter execute` looks for its parts on the path: those of this environment come first.
export PATH := $(CURDIR)/$(BIN):$(PATH)
# A container's user is often root, which JupyterLab wants to be told about.
ROOT := $(shell [ "$$(id -u)" = 0 ] && echo --allow-root)

# Two runs at once: each says what it has to say in one piece, where make can do that.
SYNC := $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

.PHONY: lab test test-slow test-browser check test-crash bench matrix binder-check links pictures format clean

lab: $(VENV)/lab  ## open the first tutorial in JupyterLab
	$(BIN)/jupyter lab $(ROOT) $(LAB) notebooks/01_first_picture.ipynb

test: check  ## everything: also a real JupyterLab in a real browser
	$(BIN)/python tests/browser/chromium.py --install
	$(MAKE) --jobs=2 $(SYNC) test-slow test-browser

test-slow: $(VENV)/test  ## what takes more than a moment, without a browser
	$(BIN)/python -m pytest -m "slow and not browser" --ignore=tests/test_tutorials.py

test-browser: $(VENV)/test  ## JupyterLab, Notebook and Voila in Chromium, and every tutorial
	$(BIN)/python -m pytest -m "slow or browser" tests/browser tests/test_tutorials.py

check: $(VENV)/test  ## lint, types, quick tests: a few minutes
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -m "not slow and not browser"

test-crash: $(VENV)/test  ## a hundred crashes at random moments, a minute of four processes on one ledger
	LIANGXIN_CRASHES=100 LIANGXIN_STRESS=60 $(BIN)/python -m pytest tests/faults/test_crash.py tests/faults/test_stress.py

bench: $(VENV)/test  ## the figures, in 3 minutes; FULL=1: a thousand tasks in real time, too
	$(BIN)/python tests/browser/chromium.py --install
	$(BIN)/python -m tests.bench

matrix: $(VENV)/test  ## each front end in fresh environments; only some: make matrix ONLY="lab-4.2 voila"
	$(BIN)/python tests/browser/chromium.py --install
	$(BIN)/python -m tests.matrix $(ONLY)

binder-check: $(VENV)/test  ## the steps of a Binder, from the Dockerfile to a downloaded zip
	$(BIN)/python tests/browser/chromium.py --install
	$(BIN)/python -m tests.binder

links: $(VENV)/test  ## the README's links, from the repository's address in pyproject.toml
	$(BIN)/python -m tests.links

pictures: $(VENV)/test  ## the README's pictures of the screen
	$(BIN)/python tests/browser/chromium.py --install
	$(BIN)/python -m tests.browser.readme

format: $(VENV)/test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/lab $(VENV)/test: $(VENV)/%: pyproject.toml | $(VENV)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	touch $@

$(VENV)/python:
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; say which: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	touch $@
