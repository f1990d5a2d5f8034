# The two commands are `make repro` and `make test`; `make help` lists the rest.

SHELL := /bin/sh
PORT ?= 5000
WORKERS ?= 2
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export MLFLOW_DISABLE_TELEMETRY := true
export DO_NOT_TRACK := true
ifdef VERBOSE
export MASKCON_VERBOSE := $(VERBOSE)
endif

.PHONY: help repro test soak ui params dag plots experiments grid tables bench bench-full lock audit environment
.DEFAULT_GOAL := help

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

repro: environment  ## the whole pipeline: from nothing to the report; again: only what has changed; VERBOSE=1 says more
	dvc repro
	@python -m maskcon.commands.summary

test: environment  ## lint and tests
	ruff check .
	ruff format --check .
	python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder $(PYTEST_ARGUMENTS)

soak: environment  ## 200 random kills of trainings, which must all end with the bits of an uninterrupted one
	python -m tests.soak

ui: environment  ## MLflow on this machine with the runs of this checkout; PORT=5000
	@python -m maskcon.commands.ui --port=$(PORT)

params: environment  ## params.yaml composed from conf/, and docs/parameters.md; SET="data=digits loss=grafit" picks presets
	@python -m maskcon.commands.params $(SET)
	@python -m maskcon.commands.describe_parameters

dag: environment  ## the stages as a drawing that fits a terminal
	@python -m maskcon dag

plots: environment  ## DVC's plots as a page that needs no network; REVISIONS="HEAD my-experiment" compares
	@python -m maskcon plots $(REVISIONS)

COLUMNS_SHOWN := Experiment|loss.name|loss.w|seed|recall_at_1
experiments: environment  ## DVC's experiments in 80 columns; COLUMNS_SHOWN='Experiment|loss.w' picks
	@dvc exp show --no-pager --drop '^(?!($(COLUMNS_SHOWN))$$)'

grid: environment  ## a grid of experiments: GRID=grids/NAME.yaml SET="key=value ..." WORKERS=2; again: what is missing
	@python -m maskcon grid $(GRID) --workers $(WORKERS) $(if $(SET),--set $(SET)) $(ARGUMENTS)

tables: environment  ## methods side by side, from the runs on record; ARGUMENTS="--grid NAME --baseline grafit"
	@python -m maskcon tables $(ARGUMENTS)

bench: environment  ## what it costs beside other ways to do it: a few minutes, table in benchmarks/results/bench.md
	python -m benchmarks.run

bench-full: environment  ## the same with the long cases
	python -m benchmarks.run --full

environment:  ## .venv with what requirements.lock names
	@./set_up.sh

lock:  ## requirements.lock made from requirements.txt: every package it needs, with checksums; after editing it
	@./dependencies.sh lock

audit:  ## known vulnerabilities of what requirements.lock names
	@./dependencies.sh audit
