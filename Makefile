# The one command file. `make help` lists what there is.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help nightly test check lint types sql quick-tests system-deps verify oracle planted reconciliation mutants coverage thirty-nights thousand-nights calls readers \
	containers kills simultaneous failing-writes corruption volume plants bench metrics-page semantic sbom erasure erasure-kills safety airflow-outage lock clean

VENV := .venv
PYTHON := $(VENV)/bin/python
UV := $(VENV)/bin/uv
# Companies that inspect their traffic put their own authority into the system's store, which uv does not read unless told.
export UV_SYSTEM_CERTS ?= true
BASE_PYTHON := $(shell for name in python3.13 python3.12 python3.11 python3 python; do \
	command -v $$name >/dev/null 2>&1 && $$name -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& echo $$name && break; done)

# Two stamps: what a night needs, and what the tests need besides. The second includes the first.
RUN := $(VENV)/.installed-run
DEV := $(VENV)/.installed-dev
BENCH := $(VENV)/.installed-bench
SEMANTIC := $(VENV)/.installed-semantic
# The same environment with the next DuckDB in front of it: what an upgrade is rehearsed with.
DUCKDB2 := .venv-duckdb2/.installed

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

nightly: $(RUN) ## one night: extract, load, build, verify, publish; the simulated CRM when no real one is set up
	@$(PYTHON) -m watertight.scheduled

test: $(SEMANTIC) $(DUCKDB2) ## every test
	@$(PYTHON) -m pytest -n 2 --dist loadfile --no-loadscope-reorder # a file on one worker, the longest first: its servers and warehouses are made once

check: lint types sql quick-tests ## lint, types, unit and contract tests (under 90 s)

lint: $(DEV) ## ruff: rules and format
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .

types: $(DEV) ## mypy, strict
	@$(VENV)/bin/mypy

sql: $(DEV) ## sqlfluff on the dbt project
	@$(VENV)/bin/sqlfluff lint --disable-progress-bar dbt_project

quick-tests: $(DEV)
	@$(PYTHON) -m pytest -q -n 2 -m 'unit or contract'

# Debian and its like; elsewhere these programs come from the system's own packages.
system-deps: ## what the tests need of the system: Chromium and its driver, PostgreSQL, podman and strace, with apt-get (as root)
	@if type chromium chromedriver podman runc debootstrap iptables catatonit strace >/dev/null 2>&1 && ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then \
		echo 'Chromium, its driver, PostgreSQL, podman and strace are here.'; \
		elif ! command -v apt-get >/dev/null; then \
		echo 'There is no apt-get here: install Chromium, chromedriver, PostgreSQL, podman, runc and strace with what this system has.' >&2; exit 2; \
		else apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
			chromium chromium-driver fonts-dejavu-core postgresql podman runc netavark aardvark-dns iptables catatonit debootstrap strace; fi

mutants: $(DEV) ## plant faults in the SQL of core and marts, count who notices (about 15 min; goes on where it was stopped)
	@$(PYTHON) -m tests.mutants --write

coverage: $(DEV) ## count the companies whose 95 % intervals hold the true values: writes docs/proofs/coverage.md (a quarter of an hour; goes on where it was stopped)
	@$(PYTHON) -m tests.coverage --write

verify: $(RUN) ## prove that the warehouse equals a rebuild from its landing files
	@$(VENV)/bin/watertight verify

oracle: $(DEV) ## compare 10,000 random histories with a ledger in plain Python: writes docs/proofs/oracle.md (half an hour)
	@$(PYTHON) -m tests.oracle --deals 10000 --batch 5000 --seed 1 --write

planted: $(DEV) ## plant source faults and print which data tests caught which
	@$(PYTHON) -m tests.planted

reconciliation: $(DEV) ## lose one record of 100,000 deals a night and see the reconciliation find it: writes docs/proofs/reconciliation.md (a quarter of an hour)
	@$(PYTHON) -m tests.reconciliation --write

thirty-nights: $(DEV) ## thirty nights on the simulated CRM, compared with the truth, ended by a full rebuild (20 min)
	@$(PYTHON) -m tests.nights --nights 30 --size 450 --seed 57 --write

thousand-nights: $(DEV) ## ten companies, a hundred nights each on three CRMs at once, compared with the truth (hours; goes on where it was stopped)
	@$(PYTHON) -m tests.thousand --write

kills: $(DEV) ## kill a night with signal 9 at every named place and at 300 random instants: writes docs/proofs/kills.md (hours; goes on where it was stopped)
	@$(PYTHON) -m tests.faults.kills --project small --write
	@$(PYTHON) -m tests.faults.kills --project real --write

simultaneous: $(DEV) ## eight nights at once over one home, fifty times: one publication each (half an hour; goes on where it was stopped)
	@$(PYTHON) -m tests.faults.kills.simultaneous

calls: $(DEV) ## count what a night asks of each CRM beside the fewest calls possible: writes docs/proofs/calls.md
	@$(PYTHON) -m tests.calls --write

readers: $(DEV) ## twenty readers poll what is published through fifty publications: writes docs/proofs/readers.md (minutes)
	@$(PYTHON) -m tests.publications --write

containers: $(DEV) ## build docker-compose.yml with podman, start it, wait for its night, look from outside and inside (five minutes; once more for the first image)
	@$(PYTHON) -m tests.containers

bench: $(BENCH) ## what a night costs, measured: writes docs/performance.md (hours; BENCH_OPTIONS='--deals 100000' is shorter, --keep and later --resume go on after a cut)
	@$(PYTHON) -m tests.bench --write $(BENCH_OPTIONS)

failing-writes: $(DEV) ## let every write, fsync and rename of a night fail once: writes docs/proofs/failing-writes.md (half an hour; goes on where it was stopped)
	@$(PYTHON) -m tests.faults.writes --write

corruption: $(DEV) ## cut files and flip bits 5,000 times: writes docs/proofs/corruption.md (half an hour; goes on where it was stopped)
	@$(PYTHON) -m tests.faults.corruption --write

volume: $(DEV) ## extract and load a million deals, and say how much memory that took (five minutes)
	@$(PYTHON) -m tests.faults.volume

plants: $(DEV) ## plant a bug for every row of docs/reliability.md and see its tests fail: writes docs/proofs/plants.md (two hours; goes on where it was stopped)
	@$(PYTHON) -m tests.faults.plants --write

metrics-page: $(DEV) ## ask the demonstration company every metric: writes docs/metrics.md and the answers of docs/analysts.md (two minutes)
	@$(PYTHON) -m tests.metrics_page --write

erasure: $(DEV) ## erase a hundred persons of the demonstration company and look for them everywhere: writes docs/proofs/erasure.md (ten minutes)
	@$(PYTHON) -m tests.faults.erasure_proof --write

erasure-kills: $(DEV) ## kill an erasure with signal 9 at every named place of it: writes docs/proofs/erasure-kills.md (a quarter of an hour; goes on where it was stopped)
	@$(PYTHON) -m tests.faults.kills.erasures --write

safety: $(DEV) ## what all safety costs of a night, by switching it off in the benchmark: writes docs/proofs/safety.md (half an hour; goes on where it was stopped)
	@$(PYTHON) -m tests.bench.safety --write

airflow-outage: $(DEV) ## a night whose Airflow scheduler and API server are killed and stay away for ten minutes (a quarter of an hour)
	@$(PYTHON) -m tests.e2e.airflow_outage

SBOM ?= build/sbom.cdx.json
sbom: $(DEV) ## the bill of materials of what a night needs (CycloneDX), from its lock: build/sbom.cdx.json
	@mkdir -p $(dir $(SBOM))
	@$(VENV)/bin/cyclonedx-py requirements --pyproject pyproject.toml --sv 1.6 --output-reproducible -o $(SBOM) requirements.lock

semantic: $(SEMANTIC) ## hold MetricFlow's answers (dbt_project/semantic) against mart_metrics__values (three minutes)
	@$(PYTHON) -m tests.semantic

lock: $(VENV)/.uv ## resolve the dependencies anew (the locks name no index)
	@$(UV) pip compile --quiet --universal --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
		--group build pyproject.toml -o requirements.lock
	@$(UV) pip compile --quiet --universal --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
		--group build --group dev pyproject.toml -o requirements-dev.lock
	@$(UV) pip compile --quiet --universal --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
		--group bench --constraints requirements-dev.lock -o requirements-bench.lock
	@$(UV) pip compile --quiet --universal --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
		--group semantic --constraints requirements-dev.lock -o requirements-semantic.lock
	@$(UV) pip compile --quiet --universal --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
		--group reader-oldest -o requirements-reader-oldest.lock
	@$(UV) pip compile --quiet --universal --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
		--group duckdb2 -o requirements-duckdb2.lock

clean: ## remove the environment and the caches; data stay
	@rm -rf $(VENV) .venv-duckdb2 build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -not -path './data/*' -prune -exec rm -rf {} +

$(VENV)/.uv: requirements-uv.lock
	@$(if $(BASE_PYTHON),,$(error Python 3.11, 3.12 or 3.13 is needed and none was found on the PATH))
	@echo 'Setting up $(VENV) with $(BASE_PYTHON) …'
	@$(BASE_PYTHON) -m venv $(VENV) || { echo 'This Python cannot make environments: install its venv module (Debian: python3-venv).'; exit 2; }
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.lock
	@touch $@

# A stamp of the development environment serves for nightly too: going back and forth would install twice. Where it does not, installing
# what a night needs takes the tests' tools out, and their stamp with them.
$(RUN): $(VENV)/.uv requirements.lock pyproject.toml
	@if [ -e $(DEV) ] && [ $(DEV) -nt requirements-dev.lock ] && [ $(DEV) -nt pyproject.toml ]; then touch $@; else \
		$(call install,requirements.lock) && rm -f $(DEV) && touch $@; fi

$(DEV): $(VENV)/.uv requirements-dev.lock pyproject.toml
	@$(call install,requirements-dev.lock)
	@touch $(RUN) $@

# On top of the development environment, whose versions their locks were resolved with.
$(BENCH) $(SEMANTIC): $(VENV)/.installed-%: $(DEV) requirements-%.lock
	@echo 'Installing requirements-$*.lock …'
	@$(UV) pip install --quiet --python $(PYTHON) --require-hashes -r requirements-$*.lock
	@touch $@

$(DUCKDB2): $(DEV) requirements-duckdb2.lock
	@echo 'Installing requirements-duckdb2.lock …'
	@rm -rf $(@D) && $(BASE_PYTHON) -m venv --without-pip $(@D)
	@$(UV) pip install --quiet --python $(@D)/bin/python --require-hashes -r requirements-duckdb2.lock
	@$(PYTHON) -c 'import sysconfig; print("import site; site.addsitedir(%r)" % sysconfig.get_path("purelib"))' \
		> "$$($(@D)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/environment_below.pth"
	@touch $@

# uv itself came from its own lock and is not in this one: sync would remove it, were it not told to run from outside the list.
define install
echo 'Installing $(1) …' && cat requirements-uv.lock $(1) > $(VENV)/.wanted \
	&& $(UV) pip sync --quiet --python $(PYTHON) --require-hashes $(VENV)/.wanted \
	&& $(UV) pip install --quiet --python $(PYTHON) --no-deps --no-build-isolation --no-index --editable .
endef
