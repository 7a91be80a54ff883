# The commands of this repository; `make help` lists them. Each works from a clean clone.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# In CI the build's output stays out of the checkout, the lock file is taken as it is, and nothing is kept for a next build: that costs time and 8 GB.
ifneq ($(CI),)
export CARGO_INCREMENTAL ?= 0
export CARGO_TARGET_DIR ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/modelport/target
locked := --locked
endif
target := $(or $(CARGO_TARGET_DIR),target)

.PHONY: help run check test bench long upgrade torture mutation scale access providers schema audit wheel image rust-tests acceptance previous load mlflow mlmd edge mlflow-load

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "%-10s%s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## build, and serve on the embedded default: SQLite and local files below ./data
	cargo run --release $(locked) -- serve

check: ## formatting, lints, documentation, licences, unused dependencies; that each check of access has a mutant
	cargo fmt --all --check
	cargo clippy $(locked) --all-targets -- -D warnings
	RUSTDOCFLAGS='-D warnings' cargo doc $(locked) --no-deps
	"$$(scripts/tools cargo-deny)" check --hide-inclusion-graph bans licenses sources
	"$$(scripts/tools cargo-machete)" --skip-target-dir
	python3 tests/mutation/run.py --target $(target) --list >/dev/null

test: ## every test, the stock clients included, on SQLite with local files and on PostgreSQL with MinIO
	scripts/with-services $(MAKE) rust-tests acceptance mlflow

bench: ## load, beside the limit of each figure; SECONDS=3 ONLY=get_version,page CONNECTIONS=1,32 VERSIONS=10000,1000000 SETUPS=embedded MIB=1,100 JSON=FILE
	cargo build --release $(locked) --bins --example seed
	scripts/with-services $(MAKE) load $(if $(ONLY),,mlmd edge mlflow-load)

long: ## what takes long: 4 GiB through both stores, many rounds of faults, many generated requests, MLflow's own server, Dex and Keycloak
	cargo build --release $(locked) --bins --example seed
	scripts/with-services $(MAKE) load ONLY=transfers MIB=4096
	MODELPORT_TEST_LONG=1 scripts/with-services $(MAKE) acceptance PROFILE=release PYTEST='-s -k "doors or faults or geti or lifecycle or resumable or schemas or upkeep or writers"'
	MODELPORT_TEST_REFERENCE=1 $(MAKE) mlflow PROFILE=release PYTEST=-q
	$(MAKE) upgrade providers

upgrade: ## the previous release over tables that this one has migrated: its own tests, and servers of both at once
	scripts/previous-release
	cargo build $(locked) --bins
	scripts/with-services $(MAKE) previous

ROUNDS := 1000
SEED :=
torture: ## ROUNDS=1000 of faults on each set-up, with accounts and without, drawn from SEED, while everybody writes; nothing acknowledged may be lost
	cargo build --release $(locked) --bins
	MODELPORT_TORTURE_ROUNDS=$(ROUNDS) MODELPORT_TORTURE_SEED=$(SEED) MODELPORT_BIN=$(abspath $(target))/release/modelport \
		PYTHONDONTWRITEBYTECODE=1 "$$(scripts/tools python-v1)" -m pytest tests/acceptance/test_torture.py -x -s --show-capture=no

NUMBERS :=
mutation: ## each check of who may do what is taken out in turn, and some test has to notice; hours; NUMBERS=7-9, ONLY=visible.rs
	scripts/with-services "$$(scripts/tools python-v1)" tests/mutation/run.py --target $(target) --only "$(ONLY)" --numbers "$(NUMBERS)"

N := 100000
scale: ## lists of a registry with N=100000 versions: latency beside that of an empty one, and every plan
	cargo build --release $(locked) --bins --example seed
	scripts/with-services "$$(scripts/tools python-v1)" load/scale.py --binary $(target)/release/modelport --seed $(target)/release/examples/seed --versions $(N)

access: ## lists of a registry that 200 teams share, a million nodes, as each kind of principal sees them, beside their limit
	cargo build --release $(locked) --bins
	scripts/with-services "$$(scripts/tools python-v1)" load/access.py --binary $(target)/release/modelport

providers: ## people and programs that log in by Dex and by Keycloak, which are built and fetched for it
	cargo build --release $(locked) --bins
	MODELPORT_BIN=$(abspath $(target))/release/modelport PYTHONDONTWRITEBYTECODE=1 \
		scripts/with-services "$$(scripts/tools python-v1)" -m pytest tests/acceptance/providers

schema: ## crates/store/src/schema.rs from the migrations, after one was added
	folder=$$(mktemp -d) && trap 'rm -r "$$folder"' EXIT && "$$(scripts/tools diesel)" --database-url "$$folder/schema.db" migration run

audit: ## known vulnerabilities in the dependencies; fetches the advisory database
	"$$(scripts/tools cargo-deny)" check advisories

wheel: ## dist/modelport-*.whl, a Python wheel that carries the binary
	cargo build --release $(locked) --bins
	scripts/wheel $(target)/release/modelport dist

image: ## dist/modelport-*.oci.tar, a container image; needs no container engine
	scripts/tools system
	cargo build --release $(locked) --bins
	scripts/image $(target)/release/modelport dist

# What follows needs the services, which the targets above start.

# More at once than there are cores: most of them wait, for a database or until a deadline has passed.
rust-tests: export RUST_TEST_THREADS ?= $(shell echo $$((2 * $$(nproc))))
rust-tests:
	cargo test $(locked)

PROFILE := debug
# Arguments of pytest's own, with which the tests run one after the other.
PYTEST :=
# Otherwise they run in so many processes, each with services of its own, and those that measure time or memory alone after the others.
PROCESSES := 3
parallel := -n $(PROCESSES) --dist worksteal -m "not alone"
# What needs ML Metadata's client, and what needs MLflow's.
with_calls := $(addprefix tests/acceptance/,mlmd access upgrade)
with_mlflow := tests/acceptance/mlflow
without_calls := tests/acceptance $(addprefix --ignore ,$(with_calls) $(with_mlflow) tests/acceptance/providers)
acceptance: export MODELPORT_BIN = $(abspath $(target))/$(PROFILE)/modelport
acceptance: export PYTHONDONTWRITEBYTECODE = 1
acceptance:
	cargo build $(locked) --bins --example seed $(if $(filter release,$(PROFILE)),--release)
	"$$(scripts/tools python-v1)" -m pytest $(without_calls) $(or $(PYTEST),$(parallel))
	$(if $(PYTEST),,"$$(scripts/tools python-v1)" -m pytest $(without_calls) -m alone)
	"$$(scripts/tools python-v1alpha3)" -m pytest $(addprefix tests/acceptance/test_,stock_client.py client_surface.py experiments.py) $(parallel)
	"$$(scripts/tools python-mlmd)" -m pytest $(with_calls) $(or $(PYTEST),$(parallel))

# MLflow's stock client: everything by one release, what the client itself asks by the next one, and by the one without NumPy what that can do.
of_mlflow := $(addprefix $(with_mlflow)/test_mlflow_,files.py frames.py models.py prompts.py registry.py runs.py)
of_mlflow_skinny := $(addprefix $(with_mlflow)/test_mlflow_,experiments.py files.py registry.py runs.py search.py)
mlflow: export MODELPORT_BIN = $(abspath $(target))/$(PROFILE)/modelport
mlflow: export PYTHONDONTWRITEBYTECODE = 1
mlflow:
	cargo build $(locked) --bins $(if $(filter release,$(PROFILE)),--release)
	"$$(scripts/tools python-mlflow)" -m pytest $(with_mlflow) $(or $(PYTEST),$(parallel))
	$(if $(PYTEST),,"$$(scripts/tools python-mlflow-next)" -m pytest $(of_mlflow) $(parallel))
	$(if $(PYTEST),,"$$(scripts/tools python-mlflow-skinny)" -m pytest $(of_mlflow_skinny) $(parallel) -k embedded)

# Tests of the previous release, in its own source: those that read and write what is in the tables. How long it takes to start is another's time.
of_previous := versions lifecycle kubeflow_wire edge stock_client files resumable
previous: export MODELPORT_NEW = $(abspath $(target))/debug/modelport
previous: export PYTHONDONTWRITEBYTECODE = 1
previous:
	export MODELPORT_PREVIOUS=$$(scripts/previous-release); \
	MODELPORT_BIN=$$MODELPORT_NEW "$$(scripts/tools python-mlmd)" -m pytest tests/acceptance/upgrade/test_side_by_side.py; \
	export MODELPORT_BIN=$(abspath tests/acceptance/upgrade/previous); \
	cd "$$MODELPORT_PREVIOUS/tree"; \
	"$$(scripts/tools python-v1)" -m pytest $(patsubst %,tests/acceptance/test_%.py,$(of_previous)) $(parallel) -k "not starts_at_once"; \
	"$$(scripts/tools python-v1alpha3)" -m pytest $(addprefix tests/acceptance/test_,stock_client.py experiments.py) $(parallel); \
	"$$(scripts/tools python-mlmd)" -m pytest tests/acceptance/mlmd $(parallel)

ARTIFACTS := 100000
mlmd:
	"$$(scripts/tools python-mlmd)" load/mlmd.py --binary $(target)/release/modelport --artifacts $(ARTIFACTS)

edge:
	"$$(scripts/tools python-v1)" load/edge.py --binary $(target)/release/modelport

# MLflow's API; RUNS=200000 BESIDE=yes STORE=minio ONLY=get_run,files SECONDS=3 JSON=FILE. BESIDE measures MLflow's own server, too.
mlflow-load: export PYTHONDONTWRITEBYTECODE = 1
mlflow-load:
	"$$(scripts/tools python-v1)" load/mlflow.py --binary $(target)/release/modelport \
	    $(if $(RUNS),--runs $(RUNS)) $(if $(BESIDE),--beside "$$(scripts/tools python-mlflow)") $(if $(STORE),--store $(STORE)) \
	    $(if $(ONLY),--only $(ONLY)) $(if $(SECONDS),--seconds $(SECONDS)) $(if $(JSON),--json $(JSON:.json=-mlflow.json))

load: export PYTHONDONTWRITEBYTECODE = 1
load:
	"$$(scripts/tools python-v1)" load/bench.py --binary $(target)/release/modelport --seed $(target)/release/examples/seed \
	    $(if $(SECONDS),--seconds $(SECONDS)) $(if $(ONLY),--only $(ONLY)) $(if $(CONNECTIONS),--connections $(CONNECTIONS)) \
	    $(if $(VERSIONS),--versions $(VERSIONS)) $(if $(SETUPS),--set-ups $(SETUPS)) $(if $(MIB),--mib $(MIB)) $(if $(JSON),--json $(JSON))
