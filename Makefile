# Everything runs in .venv, made from nothing but Python >= 3.11 with pip and venv.
PYTHON ?= python3
BIN := .venv/bin

# Some environments forbid Python to keep what it compiled; every process of the suite would compile the whole program.
test quick soak simulate: export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test quick docs pictures check check-static check-tools check-clients lint types imports smoke simulate soak mutants bench clean

.venv/made: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --editable '.[dev]'
	touch $@

demo: .venv/made
	$(BIN)/ecmbraze demo

# Three workers keep two cores busy: a third of the time of each is waiting for processes that it started.
test: .venv/made
	$(BIN)/pytest -n 3 --dist worksteal

# For daily work, under a minute on two idle cores: what decides, reads and stores, and every flow in rounds over the twins.
# Whoever works on the sandbox runs tests/sandbox too.
QUICK := $(addprefix tests/,planning config systems ledger forking test_flow_contract.py test_flow_in_a_round.py test_docs.py \
	test_mutants.py) $(wildcard tests/flows/*_planning.py)
quick: .venv/made
	$(BIN)/pytest -n 3 --dist worksteal -m 'not long' $(QUICK)

# What is made from the register of the flows: the example's sections, the schema, the README's table and picture, and
# the lines of --help.
docs: .venv/made
	$(BIN)/python -m tests.derived

# The README's pictures of the program at work, from one run of the demo; needs Chromium.
pictures: .venv/made
	$(BIN)/python -m tests.pictures

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
	build/smoke/venv/bin/ecmbraze schedule cron -c config.example.yaml > build/smoke/crontab
	grep -q smoke/venv/bin/ecmbraze build/smoke/crontab

# What needs Debian's tools; `.ci/run` installs them first.
check-tools: .venv/made
	$(BIN)/pytest acceptance

# Clients that others wrote, against the sandbox. No part of `check`: it pulls pyxecm and some forty packages from the
# registry (250 MB), and what is there changes without us.
check-clients:
	$(PYTHON) -m venv build/clients
	build/clients/bin/pip install --quiet --editable '.[sandbox]' 'pyxecm>=3.6,<3.7' pytest pytest-timeout
	build/clients/bin/pytest clients

# Seeded worlds of edits, faults, kills and clocks, both systems in memory; prints the seed of a failure and the line that
# plays it again. The order of sets is fixed, so that a seed is one story everywhere.
simulate: .venv/made
	PYTHONHASHSEED=0 $(BIN)/python -m tests.simulate

# All of what the tests marked so do only a part of in `make test`; each says which part.
soak: .venv/made
	ECMBRAZE_SOAK=1 $(BIN)/pytest -n 2 --dist worksteal -rP --timeout 14400 -m soak
	PYTHONHASHSEED=0 ECMBRAZE_SEEDS=100000 $(BIN)/python -m tests.simulate

# Some eighty-five bugs, planted one at a time: each must be noticed by the tests named for it. A few minutes.
mutants: .venv/made
	$(BIN)/python -m tests.mutants

# PEERS=1 measures drt and dlt too, which `benchmarks.speed` then installs in build/peers (120 MB).
bench: .venv/made
	$(BIN)/python -m benchmarks.speed
	$(BIN)/python -m benchmarks.inventory
	$(BIN)/python -m benchmarks.report
	$(BIN)/python -m benchmarks.consent 2000
	$(BIN)/python -m benchmarks.growth

clean:
	rm -rf .venv build dist *.egg-info
