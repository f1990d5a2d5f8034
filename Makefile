# The two commands are `make repro` and `make test`; `make help` lists the rest.

SHELL := /bin/sh
PORT ?= 5000
WORKERS ?= 2
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export PYTHONPATH := $(CURDIR)
export MLFLOW_DISABLE_TELEMETRY := true
export DO_NOT_TRACK := true
ifdef VERBOSE
export MASKCON_VERBOSE := $(VERBOSE)
endif

.PHONY: help environment repro test test-slow ui params experiments grid tables gallery bench soak lock audit
.DEFAULT_GOAL := help

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

repro: environment  ## the whole pipeline, from nothing to the report; again: only what has changed; VERBOSE=1 says more
	@maskcon clean --lock
	dvc repro
	@maskcon summary

test: environment  ## lint, and the tests that take minutes
	ruff check .
	ruff format --check .
	mypy
	python -m pytest $(AT_ONCE) -m "not slow" $(PYTEST_ARGUMENTS)

test-slow: environment  ## all other tests
	python -m pytest $(AT_ONCE) -m slow $(PYTEST_ARGUMENTS)

AT_ONCE := --numprocesses 3 --dist loadfile --no-loadscope-reorder

ui: environment  ## the runs of this checkout in MLflow, on this machine; PORT=5000
	@maskcon ui --port $(PORT)

params: environment  ## params.yaml from conf/, and docs/parameters.md; SET="data=digits loss=grafit" picks presets
	@maskcon params $(SET)

COLUMNS_SHOWN := Experiment|loss.name|loss.w|seed|recall_at_1
experiments: environment  ## DVC's experiments in 80 columns; COLUMNS_SHOWN='Experiment|loss.w' picks
	@dvc exp show --no-pager --drop '^(?!($(COLUMNS_SHOWN))$$)'

grid: environment  ## experiments that compare methods: GRID=grids/NAME.yaml WORKERS=2; again: what is missing
	@maskcon grid $(GRID) --workers $(WORKERS) $(if $(SET),--set $(SET)) $(ARGUMENTS)

tables: environment  ## methods side by side, from the runs on record; ARGUMENTS="--grid NAME --baseline grafit"
	@maskcon tables $(ARGUMENTS)

gallery: environment  ## open reports/gallery.html: map, neighbours, confused classes of the evaluated images
	@test -e reports/gallery.html || { echo "there is no reports/gallery.html; make it with: make repro" >&2; exit 2; }
	@echo "file://$(CURDIR)/reports/gallery.html"
	@[ -z "$$DISPLAY$$WAYLAND_DISPLAY" ] || python -m webbrowser "file://$(CURDIR)/reports/gallery.html" >/dev/null

bench: environment  ## what it costs beside other ways to do it: some minutes, table in benchmarks/results/bench.md
	python -m benchmarks.run

soak: environment  ## 300 random kills of whole pipelines, which must end as those left in peace; hours
	python -m tests.soak

environment:  ## .venv with what requirements.lock names, and the command maskcon
	@./set_up.sh

lock:  ## requirements.lock made from requirements.txt: every package it needs, with checksums; after editing it
	@./dependencies.sh lock

audit:  ## known vulnerabilities of what requirements.lock names
	@./dependencies.sh audit
