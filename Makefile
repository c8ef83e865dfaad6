# Each target makes the environment that it needs, in $(VENV); the second run finds it there.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check --no-input
PYTEST := $(BIN)/python -m pytest -q --numprocesses auto --dist loadgroup
COMPILED := pyproject.toml $(wildcard certify/_core/*.py certify/_core/*.pxd)

IRIS := fixtures/iris.npz --loss half-squared --reduction sum --weight-decay 15 --penalize all
CERTIFIED := check fixtures/iris_torch_wide.npz $(IRIS)
REFUTED := check fixtures/iris_torch_local.npz $(IRIS)

.PHONY: demo test test-fast bench bench-engine bench-check bench-solve bench-width pictures lint clean mutants sweep

demo: $(VENV)/.installed
	@echo; echo '$$ certify $(CERTIFIED)'
	@$(BIN)/certify $(CERTIFIED)
	@echo; echo '$$ certify $(REFUTED)'
	@$(BIN)/certify $(REFUTED) || test $$? -eq 1

test: $(VENV)/.tested
	$(PYTEST) $(PYTEST_OPTIONS)

# all but the tests of more than about three seconds
test-fast: $(VENV)/.tested
	$(PYTEST) -m 'not slow' $(PYTEST_OPTIONS)

bench: bench-engine bench-check bench-width bench-landscape

bench-engine: $(VENV)/.benched
	$(BIN)/python -m benchmarks.engine $(BENCH_OPTIONS)
	$(BIN)/python -m benchmarks.tables

bench-check: $(VENV)/.benched
	$(BIN)/python -m benchmarks.check
	$(BIN)/python -m benchmarks.tables

bench-width: $(VENV)/.benched
	$(BIN)/python -m benchmarks.same_width
	$(BIN)/python -m benchmarks.tables

bench-landscape: $(VENV)/.benched
	$(BIN)/python -m benchmarks.landscape

# every small change of the checker's code must fail a test; hours on one core, `--every 10` takes a sample
mutants: $(VENV)/.tested
	PYTHONPATH=. $(BIN)/python tests/helpers/mutants.py $(MUTANTS_OPTIONS)

# adversarial cases, one seed after another: no crash and no untrue figure; `--seeds FIRST LAST --seconds S`, `--files`, `--engine cvxpy`
sweep: $(VENV)/.tested
	PYTHONPATH=.:tests/helpers $(BIN)/python tests/fuzz/sweep.py $(SWEEP_OPTIONS)

bench-solve: $(VENV)/.benched-solve
	$(BIN)/python -W ignore -m benchmarks.solve $(BENCH_OPTIONS)
	$(BIN)/python -m benchmarks.tables

# those of README.md and docs/landscape.md
pictures: $(VENV)/.tested
	$(BIN)/python -m benchmarks.pictures

lint: $(VENV)/.linted
	$(BIN)/ruff check certify tests benchmarks fixtures
	$(BIN)/mypy

clean:
	rm -rf $(VENV) build dist *.egg-info certify/_core/*.so .pytest_cache .ruff_cache .mypy_cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("certify needs Python 3.11 or later; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(COMPILED) | $(BIN)/python
	$(INSTALL) --editable .
	@touch $@

$(VENV)/.tested: $(COMPILED) | $(BIN)/python
	$(INSTALL) --editable '.[test]'
	@touch $@ $(VENV)/.installed

$(VENV)/.benched: $(COMPILED) | $(BIN)/python
	$(INSTALL) --editable '.[bench]'
	@touch $@ $(VENV)/.installed

$(VENV)/.benched-solve: $(COMPILED) | $(BIN)/python
	$(INSTALL) --editable '.[bench,bench-solve]' || $(INSTALL) --editable '.[bench]'
	@touch $@ $(VENV)/.installed

$(VENV)/.linted: $(COMPILED) | $(BIN)/python
	$(INSTALL) --editable '.[lint]'
	@touch $@ $(VENV)/.installed
