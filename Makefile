# Everything starts here: git, make and Python 3.11 or newer are enough.
#
#   make demo [ONCE=1] [PORT=8000]   the whole way of a model, then keeps serving until Ctrl-C
#   make serve [PORT=8000]           the same servers without the demo's data
#   make test [ARGS="-k review"]     all tests that this machine can run (see tests/__main__.py)
#   make lint | format | docs | bench | clean
#
# Each target sets up what it needs and says so; when nothing changed, that takes no time.

PYTHONS := python3.13 python3.12 python3.11 python3 python
# Version managers put names in PATH that only print an error: a Python counts when it runs.
PYTHON ?= $(shell for name in $(PYTHONS); do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && command -v $$name && break; done)

# The oldest uv that reads our lock file.
UV_AT_LEAST := 0.8
FIND_UV := for uv in "$$(command -v uv)" "$(CURDIR)/.tools/bin/uv"; do \
	[ -x "$$uv" ] && "$$uv" --version 2>/dev/null | awk '{ split($$2, v, "."); split("$(UV_AT_LEAST)", least, "."); \
	exit !(v[1] > least[1] || (v[1] == least[1] && v[2] >= least[2])) }' && echo "$$uv" && break; done

# Builds of models resolve requirements with uv as well: the servers get the one found here.
export MLGOV_UV = $(shell $(FIND_UV))
# A machine that names its own certificates wants them used by uv too.
ifneq ($(SSL_CERT_FILE),)
export UV_SYSTEM_CERTS ?= 1
endif
ifneq ($(PORT),)
export MLGOV_PORT := $(PORT)
export MLGOV_BASE_URL ?= http://127.0.0.1:$(PORT)
endif

RUN := .venv/bin/python
# Where the tools of a developer are installed, `make demo` keeps them: --inexact removes nothing.
DEMO_READY = $(if $(wildcard .venv/.ready-dev),.venv/.ready-dev,.venv/.ready-demo)

# What a team sets, so that `check --deploy` looks at that and not at the embedded default.
AS_IN_PRODUCTION = MLGOV_BASE_URL=https://mlgov.example.org MLGOV_BEHIND_TLS=true \
	MLGOV_TRUSTED_PROXIES=1 MLGOV_SECRET_KEY=$(shell printf '%064d' 0 | tr 0 k)8f27c1d09e \
	MLGOV_DATABASE_URL=postgresql://mlgov@127.0.0.1/mlgov MLGOV_BROKER_URL=redis://127.0.0.1/0

.PHONY: demo serve test lint format docs bench clean help
.DEFAULT_GOAL := help

help:
	@sed -n 's/^#   //p' Makefile

# `exec`: no shell stands between make and the servers, so Ctrl-C and SIGTERM reach them and make waits for them.
demo: $(DEMO_READY)
	@exec $(RUN) manage.py demo $(if $(ONCE),--once)

serve: $(DEMO_READY)
	@exec $(RUN) manage.py serve

test: .venv/.ready-dev
	@exec $(RUN) -m tests $(ARGS)

lint: .venv/.ready-dev
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	.venv/bin/lint-imports --verbose
	$(RUN) -m mypy
	$(RUN) manage.py makemigrations --check --dry-run
	$(AS_IN_PRODUCTION) $(RUN) manage.py check --deploy --fail-level WARNING
	.venv/bin/djlint $(wildcard apps templates) --lint --quiet
	$(RUN) -m bandit --quiet --severity-level medium --recursive --configfile pyproject.toml apps mlgov $(wildcard serving client)

format: .venv/.ready-dev
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

# What the documentation takes from the code: pictures, tables, lists.
docs: .venv/.ready-dev
	$(RUN) -m scripts.document_architecture

bench: .venv/.ready-dev
	@exec $(RUN) -m benchmarks $(ARGS)

# The data in var/ stays: it is yours, not ours.
clean:
	rm -rf .venv .tools .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage htmlcov staticfiles

# ---- setting up -------------------------------------------------------------------------------

.venv/.ready-demo: SYNC := --inexact --no-default-groups --group demo --extra pdf
.venv/.ready-dev: SYNC := --group dev

.venv/.ready-demo .venv/.ready-dev: uv.lock pyproject.toml
	@[ -n "$(PYTHON)" ] || { echo "mlgov needs Python 3.11 or newer; none of $(PYTHONS) is one. Install it, or name it: make PYTHON=/path/to/python" >&2; exit 1; }
	@[ -n "$(MLGOV_UV)" ] || { \
	  echo "==> Installing uv into .tools/"; \
	  "$(PYTHON)" -m venv .tools && .tools/bin/python -m pip install --quiet --disable-pip-version-check "uv>=$(UV_AT_LEAST)" \
	  || { echo "uv could not be installed. On Debian and Ubuntu: apt install python3-venv. Otherwise install uv yourself: https://docs.astral.sh/uv/" >&2; exit 1; }; }
	@uv="$$($(FIND_UV))"; python="$$("$(PYTHON)" -c 'import sys; print(sys.executable)')"; \
	  echo "==> Installing the locked dependencies into .venv (Python $$("$(PYTHON)" -c 'import platform; print(platform.python_version())'), $$("$$uv" --version))"; \
	  [ -t 2 ] || quiet=--quiet; [ -x $(RUN) ] || choice="--python $$python"; \
	  "$$uv" sync --frozen $$quiet $(SYNC) $$choice
	@touch $@
