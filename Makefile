# make serve | test | install | reference: see README.md

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
STAMP := $(VENV)/.installed

.PHONY: install serve test reference lint

install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[auto-router,aws,google,oidc,redis,tokenizers,dev]'
	@touch $@

serve: install
	$(BIN)/tianji serve

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: lint
	$(BIN)/pytest tests -n 2 --dist loadgroup
	tools/gate

# REFERENCE_FLAGS=--no-database does without Node and Postgres
reference:
	$(PYTHON) tools/reference/run --install $(REFERENCE_FLAGS)
