# Everything runs in .venv, made from nothing but Python >= 3.11 with pip and venv.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test check check-static check-tools lint types imports smoke soak mutants bench clean

.venv/made: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable '.[dev]'
	touch $@

demo: .venv/made
	$(BIN)/ecmbraze demo

test: .venv/made
	$(BIN)/pytest -n 2

check: check-static test

check-static: lint types imports smoke

lint: .venv/made
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/made
	$(BIN)/mypy

imports: .venv/made
	$(BIN)/lint-imports

# The wheel as a user gets it, in an environment without the development tools.
smoke: .venv/made
	rm -rf build/smoke && mkdir -p build/smoke
	$(BIN)/python -m build --quiet --wheel --outdir build/smoke .
	$(PYTHON) -m venv build/smoke/venv
	build/smoke/venv/bin/pip install --quiet build/smoke/*.whl
	build/smoke/venv/bin/ecmbraze --help > build/smoke/help.txt
	build/smoke/venv/bin/ecmbraze --version
	grep -q onboarding build/smoke/help.txt

# What needs Debian's tools; `.ci/run` installs them first.
check-tools: .venv/made
	$(BIN)/pytest acceptance

soak: .venv/made
	ECMBRAZE_SOAK=1 ECMBRAZE_KILLS=200 $(BIN)/pytest -s --timeout 14400 tests/test_crash.py tests/crashing tests/test_story.py

# Some sixty bugs, planted one at a time: each must be noticed by the tests named for it. A few minutes.
mutants: .venv/made
	$(BIN)/python -m tests.mutants

bench: .venv/made
	$(BIN)/python -m benchmarks.inventory

clean:
	rm -rf .venv build dist *.egg-info
