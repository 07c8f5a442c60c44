# Everything runs in .venv, created on first use. PYTHON=python3.12 make test picks another interpreter.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo test test-slow bench sanity facts tables lint clean

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet -c constraints.txt -e '.[test]'
	touch $@

demo: $(STAMP)  ## train on the default room, score against the rules on the same luck, say what to open
	$(BIN)/livesim demo

test: $(STAMP)  ## the whole fast suite, as CI runs it
	$(BIN)/pytest

test-slow: $(STAMP)  ## what takes minutes
	$(BIN)/pytest -m slow

bench: $(STAMP)  ## viewer-decisions per CPU-second, shares of time, memory
	$(BIN)/livesim bench

sanity: $(STAMP)  ## the no-free-lunch tables of the shipped rooms
	$(BIN)/livesim sanity entertainment ecommerce

facts: $(STAMP)  ## the shipped rooms against published facts
	$(BIN)/livesim validate entertainment ecommerce

tables: $(STAMP)  ## train and score everything in the results table of README.md
	for name in room recommend ads interact operate operate_outage; do $(BIN)/livesim run experiments/configs/$$name.yaml --jobs 2 || exit 1; done

lint: $(STAMP)
	$(BIN)/ruff check . && $(BIN)/mypy

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache
