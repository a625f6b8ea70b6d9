# Every target installs what it needs into .venv first; that happens once.

SHELL := /bin/bash
BIN := .venv/bin
.DEFAULT_GOAL := help

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

test: env postgres node browser promtool  ## every test but the long runs, in about ten minutes (args='-k word' narrows)
	$(BIN)/pytest -m "not soak" -n 2 --dist worksteal $(args)

check: env node promtool  ## format, lint, types, layers, documents
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python hatch_build.py check
	$(BIN)/pytest -q tests/meta tests/docs $(args)

ui: env  ## build the dashboard anew if its sources changed, and check its types
	$(BIN)/python hatch_build.py
	$(BIN)/python hatch_build.py check

bench: env postgres  ## measure on SQLite and on PostgreSQL (args='--quick' for a minute)
	$(BIN)/tenure bench --store sqlite $(args)
	$(BIN)/tenure bench --store postgres $(args)

soak: env postgres  ## the long tests
	$(BIN)/pytest -m soak $(args)

demo:  ## coordinator, two workers and real jobs, in a minute
	./demo.sh

format: env  ## rewrite the code in the one style
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:  ## remove everything that can be made again
	rm -rf .venv build dist ui/node_modules src/tenure/static .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

env:
	@deploy/bootstrap.sh dev

postgres:
	@deploy/bootstrap.sh postgres

node:
	@deploy/bootstrap.sh node

browser:
	@deploy/bootstrap.sh browser

promtool:
	@deploy/bootstrap.sh promtool

.PHONY: help test check ui bench soak demo format clean env postgres node browser promtool
