# make demo | test | pooled | check | serve | bench: each works on a fresh clone.
.ONESHELL:
SHELL := /bin/sh
.SHELLFLAGS := -eu -c
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo test pooled check serve bench mutants clean

demo: .venv/ready
	@$(BIN)/python manage.py demo

serve: .venv/ready
	@exec $(BIN)/python manage.py serve

bench: .venv/ready
	@$(BIN)/python manage.py bench --employers 10 --employees 1000

# Most tests wait for something, so there is one process more than cores. Those that hold the product to seconds are in
# tests/faults, and have the machine to themselves.
test: .venv/ready-dev
	@processes=$$($(BIN)/python -c 'import os; print(os.cpu_count() + 1)')
	$(BIN)/python -m pytest $(POOLED) --numprocesses=$$processes --dist=loadfile --no-loadscope-reorder -m "not timed"
	$(BIN)/python -m pytest $(POOLED) -m timed tests/faults

# The same suite, its databases reached through pgbouncer by transaction; fails when a statement would pin a session.
pooled:
	@$(MAKE) --no-print-directory test POOLED=--pooled

check: .venv/ready-dev
	@$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy events payroll ops deploy manage.py
	state=$$(mktemp -d)
	trap 'rm -rf "$$state"' EXIT
	PAYROLL_STATE_DIR="$$state" $(BIN)/python -W ignore manage.py makemigrations --check --dry-run
	PAYROLL_ENV=production PAYROLL_STATE_DIR="$$state" DATABASE_URL=postgresql://app@127.0.0.1/payroll \
	PAYROLL_SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(64))') \
	PAYROLL_FIELD_KEYS=k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= PAYROLL_INDEX_KEY=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= \
	PAYROLL_ODFI_ROUTING=121000358 PAYROLL_ODFI_NAME=CHECK PAYROLL_ALLOWED_HOSTS=payroll.example.com PAYROLL_STORAGE=s3://check/payroll \
	$(BIN)/python manage.py check --deploy --fail-level WARNING

# A quarter of an hour of one core; ONLY='payroll.calc.fica.*' mutates a part. Neither test nor check needs it.
mutants: .venv-mutants/ready
	@nice -n 19 .venv-mutants/bin/python -m tests.mutation $(ONLY)

.venv-mutants/ready: requirements.txt requirements-dev.txt tests/mutation/requirements.txt
	@[ -x .venv-mutants/bin/python ] || $(PYTHON) -m venv .venv-mutants
	.venv-mutants/bin/python -m pip install --quiet --disable-pip-version-check -r tests/mutation/requirements.txt
	touch $@

# The marker files are written last: an interrupted install is made again.
.venv/ready: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed; name one with make PYTHON=..."; exit 2; }
	echo "installing what the product needs into .venv"
	[ -x $(BIN)/python ] || $(PYTHON) -m venv .venv
	$(PIP) -r requirements.txt
	touch $@

.venv/ready-dev: requirements.txt requirements-dev.txt .venv/ready
	@echo "installing what the tests need into .venv"
	$(PIP) -r requirements-dev.txt
	touch $@

clean:
	rm -rf .venv .venv-mutants mutants .mypy_cache .ruff_cache staticfiles
