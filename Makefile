# Everything a newcomer needs: `make demo` and `make test`. The rest is for those who stay.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
PY := $(VENV)/bin/python
ARGS ?=
export PYTHONUNBUFFERED := 1

.PHONY: demo run test test-sqlite soak bench lint fmt types migrate lock messages clean

demo: $(VENV)/.installed ## the whole site on this machine, and the main job walked over HTTP
	@DEBUG=1 $(PY) manage.py demo $(ARGS)

run: $(VENV)/.installed ## the same without the journey
	@DEBUG=1 $(PY) manage.py demo --no-journey $(ARGS)

test: $(VENV)/.installed-dev ## the suite on real engines: PostgreSQL, Redis, MongoDB's wire
	@DEBUG=1 $(PY) -m tests.engines -- $(PY) -m pytest -n 2 -m "not soak" $(ARGS)

test-sqlite: $(VENV)/.installed-dev ## the same suite on the embedded engines
	@DEBUG=1 DATABASE_URL= CACHE_URL= $(PY) -m pytest -n 2 -m "not soak" $(ARGS)

soak: $(VENV)/.installed-dev ## the long runs, with their full figures
	@DEBUG=1 $(PY) -m tests.engines -- $(PY) -m pytest -m soak $(ARGS)

bench: $(VENV)/.installed-dev ## figures and ratios of this machine, on PostgreSQL with fsync on
	@DEBUG=1 $(PY) -m tests.engines --only postgres --durable -- $(PY) -m tests.bench $(ARGS)

lint: $(VENV)/.installed-dev ## style, order of the apps, missing migrations, types
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(VENV)/bin/lint-imports
	@DEBUG=1 $(PY) manage.py makemigrations --check --dry-run
	@$(MAKE) --no-print-directory types

types: $(VENV)/.installed-dev
	@DEBUG=1 $(PY) -m mypy

fmt: $(VENV)/.installed-dev
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

migrate: $(VENV)/.installed
	@DEBUG=$${DEBUG:-1} $(PY) manage.py migrate

lock: $(VENV)/.installed-dev ## pin the closure of requirements.in and requirements-dev.in
	@$(VENV)/bin/uv pip compile -q --python-version 3.11.0 requirements.in -o requirements.txt --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"
	@$(VENV)/bin/uv pip compile -q --python-version 3.11.0 requirements-dev.in -o requirements-dev.txt --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

messages: $(VENV)/.installed ## collect and compile the English texts (needs gettext)
	@DEBUG=1 $(PY) manage.py makemessages -l en --no-location --no-obsolete -i .venv -i var -i tests
	@DEBUG=1 $(PY) manage.py compilemessages -l en -i .venv

clean: ## the virtual environment and everything the demo wrote
	rm -rf $(VENV) var .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis

$(VENV)/.installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
		{ echo "Python 3.11 is needed: install it, or say where it is: make demo PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@echo "Installing the dependencies …"
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.txt
	@echo "Installing what the tests need …"
	@$(PY) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@
