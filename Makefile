# The two commands are `make repro` and `make test`; `make help` lists the rest.

SHELL := /bin/sh
PORT ?= 5000
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export MLFLOW_DISABLE_TELEMETRY := true
export DO_NOT_TRACK := true

.PHONY: help repro test ui params plots experiments environment
.DEFAULT_GOAL := help

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

repro: environment  ## the whole pipeline: from nothing to the report; again: only what has changed
	dvc repro
	@python -m stages.summary

test: environment  ## lint and tests
	ruff check .
	ruff format --check .
	python -m pytest --numprocesses 2 --dist loadfile $(PYTEST_ARGUMENTS)

ui: environment  ## MLflow on this machine with the runs of this checkout; PORT=5000
	@python -m stages.tracking_ui --port $(PORT)

params: environment  ## params.yaml composed from conf/; SET="data=digits loss=grafit" picks presets
	@python -m stages.compose_parameters $(SET)

plots: environment  ## DVC's plots as a page that needs no network; REVISIONS="HEAD my-experiment" compares
	@python -m maskcon plots $(REVISIONS)

# A table that a terminal holds: what tells methods apart, and how well they did.
COLUMNS := loss.name|loss.w$$|loss.soft_temperature|^seed|[.:]seed|:recall_at_1$$|:coarse_recall_at_1$$|:mean_average_precision
experiments: environment  ## DVC's experiments with the columns that matter
	@dvc exp show --no-pager --drop '.*' --keep '$(COLUMNS)'

environment:  ## .venv with what requirements.txt names
	@./set_up.sh
