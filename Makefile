# The same few commands on a laptop and in CI. Each sets up what it needs first; that is instant when nothing changed.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help serve demo test test-compose check bench bench-ingestion bench-training eval torture power-loss hostile fuzz lock clean set-up set-up-dev models
MAKEFLAGS += --no-print-directory
# What is imported is compiled once: without that each process would begin by compiling PyTorch anew.
unexport PYTHONDONTWRITEBYTECODE

# Any Python finds the right one, so take the first that runs: a version manager's stand-in may not.
PYTHON ?= $(shell for p in python3 python3.11 python3.12 /usr/bin/python3; do $$p -c '' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
export SIMURGH_PORT := $(or $(PORT),$(SIMURGH_PORT),8000)
ARGS ?=

help: ## List the commands
	@echo 'make COMMAND, where COMMAND is one of'
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | expand -t 18

serve: set-up ## Set up, start Simurgh and open its door on 127.0.0.1:8000 (PORT=8080 for another); Ctrl-C stops it
	@exec $(BIN)/simurgh serve

demo: set-up ## The whole tour: ingest three samples, ask about them, switch the adapter
	@exec $(BIN)/simurgh demo

test: set-up-dev models ## All tests, about 25 minutes on two cores (ARGS='-k ask' for some of them)
	@echo 'Running the tests: about 25 minutes on two cores. The real engine is started in some of them.'
	@exec $(BIN)/python -m pytest -n 2 --dist loadgroup $(ARGS)

test-compose: ## Build, start, ask and take down the containers, about 8 minutes; needs a Docker engine
	@exec tests/acceptance/compose.sh

check: set-up-dev ## Style, types and the direction of imports, about a minute
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: set-up-dev ## Measure: each figure is a ratio made in one run, about 10 minutes
	@exec $(BIN)/python -m bench $(ARGS)

bench-ingestion: set-up-dev models ## Measure ingestion, and asking meanwhile, about an hour (ARGS=--small for minutes)
	@exec $(BIN)/python -m bench.ingestion $(ARGS)

bench-training: set-up-dev models ## Measure trainings: LoRA, QLoRA, Spectrum, about six minutes (ARGS=--write into docs/results)
	@exec $(BIN)/python -m bench.training $(ARGS)

torture: set-up-dev models ## Kill API and workers 1,000 times on both databases, the engine 20 times; about half an hour (ARGS='--kills 50')
	@exec $(BIN)/python -m tests.torture $(ARGS)

power-loss: set-up-dev ## Cut the power after every file operation of recorded runs; about half an hour (ARGS='--drawn 1')
	@exec $(BIN)/python -m tests.torture.power $(ARGS)

hostile: set-up-dev ## Read a thousand hostile files in the cage, about ten minutes (ARGS=--write for docs/results)
	@exec $(BIN)/python -m tests.hostile $(ARGS)

fuzz: set-up-dev ## Fuzz the paths of text, a minute each (ARGS='--seconds 600' for longer)
	@exec $(BIN)/python -m tests.fuzz $(ARGS)

eval: set-up-dev models ## Evaluate against public sets and peers, about an hour (ARGS='--sample 40' for minutes)
	@exec $(BIN)/python -m evaluation $(ARGS)

lock: set-up-dev ## Recompile the pinned lists in requirements/ from pyproject.toml
	@exec $(BIN)/python scripts/lock.py

clean: ## Remove what was made here, but not the documents in var/
	@rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .benchmarks
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

set-up:
	@if [ -z '$(PYTHON)' ]; then echo 'Python 3.11 is needed: install python3.11 and python3.11-venv' >&2; exit 1; fi
	@$(PYTHON) scripts/setup.py

set-up-dev:
	@if [ -z '$(PYTHON)' ]; then echo 'Python 3.11 is needed: install python3.11 and python3.11-venv' >&2; exit 1; fi
	@$(PYTHON) scripts/setup.py --dev

models: set-up
	@$(BIN)/simurgh models prepare >/dev/null  # says on the other stream what it makes; nothing if all is there
