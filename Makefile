# Each target installs what it needs; only Python >= 3.11 and make are required.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# `jupyter execute` looks for its subcommands on the path; use those of this environment.
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Without compiled modules, every process of the tests would compile them again.
unexport PYTHONDONTWRITEBYTECODE
# JupyterLab needs an option to run as root, the usual user in a container.
ROOT := $(shell [ "$$(id -u)" = 0 ] && echo --allow-root)

# The tests mostly wait, so use twice as many workers as cores. Without workers: make test WORKERS=0
WORKERS ?= 4
PYTEST := $(BIN)/python -m pytest --numprocesses=$(WORKERS)
BROWSER := $(BIN)/python tests/browser/chromium.py --install

.PHONY: lab test check lint test-tutorials test-long coverage mutate test-crash bench matrix audit binder-check links pictures format clean

lab: $(VENV)/lab  ## open the first tutorial in JupyterLab
	$(BIN)/jupyter lab $(ROOT) $(LAB) notebooks/01_first_picture.ipynb

test: lint  ## all tests, also in JupyterLab in a real browser: at most ten minutes
	$(BROWSER)
	$(PYTEST) --durations=25

check: lint  ## lint, types, layers and fast tests: at most two minutes
	$(PYTEST) -m "not slow and not browser"

lint: $(VENV)/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/interrogate --quiet liangxin_nb
	$(BIN)/lint-imports
	$(BIN)/mypy

test-tutorials: $(VENV)/test  ## all tutorials in the browser, and each interrupted at every cell
	$(BROWSER)
	LIANGXIN_ALL_TUTORIALS=1 $(PYTEST) tests/test_tutorials.py tests/browser/test_tutorials.py

test-long: $(VENV)/test  ## many processes at the rate limits, the sandbox against its API description, callbacks, HTTP exchanges
	LIANGXIN_CROWD=25 LIANGXIN_EXAMPLES=100 LIANGXIN_CALLS=2000 $(BIN)/python -m pytest \
	  tests/ratelimit/test_processes.py tests/sandbox/test_openapi.py tests/callbacks/test_hints.py \
	  tests/api/test_any_exchange.py

coverage: $(VENV)/test  ## lines and branches without tests; for some tests: make coverage ONLY="tests/ledger/test_spending.py"
	$(if $(ONLY),,$(BROWSER))
	rm -rf .coverage && mkdir .coverage
	$(BIN)/coverage run -m pytest --numprocesses=$(WORKERS) $(ONLY) || touch .coverage/failed
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage json --quiet -o .coverage/report.json
	$(BIN)/coverage report
	@if [ -e .coverage/failed ]; then echo "Some tests failed."; exit 1; fi

mutate: $(VENV)/test  ## mutation tests: a sample, or all mutants with FULL=1; one module: ONLY=spending
	$(if $(ONLY),,$(BIN)/python -m tests.mutation)
	$(BIN)/python -m tests.mutation --modules $(ONLY) $(if $(FULL),--full,--seconds 120)

test-crash: $(VENV)/test  ## two hundred crashes at random moments, a minute of four processes on one ledger
	LIANGXIN_CRASHES=200 LIANGXIN_LOCK_S=40 LIANGXIN_STRESS=60 $(PYTEST) \
	  tests/faults/test_crash.py tests/faults/test_stress.py

bench: $(VENV)/test  ## benchmarks, in 3 minutes; FULL=1: also a thousand tasks in real time
	$(BROWSER)
	$(BIN)/python -m tests.bench

matrix: $(VENV)/test  ## each front end in fresh environments; for some: make matrix ONLY="lab-4.2 voila"
	$(BROWSER)
	$(BIN)/python -m tests.matrix $(ONLY)

# CVE-2023-24816: the window title in IPython before 8.10 on Windows; hosted notebooks have IPython 7.34.
audit: $(VENV)/test  ## known vulnerabilities in the lowest and the newest versions of the dependencies
	for versions in lowest-direct highest; do \
	  $(BIN)/uv pip compile --quiet --resolution $$versions --extra lab --extra team --extra video \
	    --output-file $(VENV)/$$versions.txt pyproject.toml && \
	  $(BIN)/uv tool run pip-audit --strict --no-deps --disable-pip --ignore-vuln CVE-2023-24816 \
	    --requirement $(VENV)/$$versions.txt || exit 1; \
	done

binder-check: $(VENV)/test  ## the steps of a Binder, from the Dockerfile to a downloaded zip
	$(BROWSER)
	$(BIN)/python -m tests.binder

links: $(VENV)/test  ## update the README's links and its table of settings
	$(BIN)/python -m tests.links

pictures: $(VENV)/test  ## take the README's screenshots
	$(BROWSER)
	$(BIN)/python -m tests.browser.readme

format: $(VENV)/test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .mutation

$(VENV)/lab $(VENV)/test: $(VENV)/%: pyproject.toml | $(VENV)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	# uv is faster, but does not read pip's configuration; if it fails (a mirror is set there), use pip.
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --editable '.[$*]' || \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	touch $@

$(VENV)/python:
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; say which: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	touch $@
