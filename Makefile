# Everything a person does here is one of these. `make` alone lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# uv runs everything else; where it is missing, a copy of our own is installed from PyPI.
UV_VERSION := 0.13.8
UV_HOME := $(if $(XDG_CACHE_HOME),$(XDG_CACHE_HOME),$(HOME)/.cache)/shop-uv-$(UV_VERSION)
UV := $(or $(shell command -v uv),$(UV_HOME)/bin/uv)
RUN := $(UV) run --frozen --all-packages
# Else every process would compile all that it imports, and every worker rewrite all tests, each time anew.
unexport PYTHONDONTWRITEBYTECODE
# What takes long is told at the end of each run.
PYTEST := $(RUN) pytest --durations=25 --durations-min=2
# Side by side, one more than cores: tests work nearly as much as they wait, and each worker collects all of
# them. conftest.py says what begins first.
CORES := $(shell echo $$(( $$(nproc) < 4 ? $$(nproc) : 4 )))
ONE_MORE := $(PYTEST) -n $(shell echo $$(( $(CORES) + 1 )))
# Tests on a cluster wait far more than they work, and tell one another what to leave alone (tests/e2e/turns.py).
ON_ONE_CLUSTER := $(PYTEST) -n 3 --dist loadfile
# $(call tested,PYTEST,WHICH): what fails beside others that want the same cores is tried once more, by itself.
# A fault fails again; what only came too late does not, and the log shows both.
tested = $(1) $(2) || { [ $$? -eq 1 ]; echo "once more and by itself, what has failed:"; \
	$(PYTEST) --last-failed --last-failed-no-failures none $(2); }

$(UV_HOME)/bin/uv:
	@./tests/platform/bootstrap-uv $(UV_VERSION) $(UV_HOME)

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: up down status load
up: $(UV) ## a cluster with the operator, the shop and everything they need; ends with addresses to open
	@$(RUN) shop-platform up
down: $(UV) ## removes all of it
	@$(RUN) shop-platform down
status: $(UV) ## one screen: what runs, how much of it, how it does
	@$(RUN) shop-platform status
load: $(UV) ## drives catalog until it scales, shows how, and lets it shrink again; PROFILE=steady|step|spike|wave|sale: people who shop, ARGS=--help says how
	@$(if $(PROFILE),$(RUN) --group load shop-load $(PROFILE) $(ARGS),$(RUN) shop-platform load)

.PHONY: bench bench-operator bench-services bench-recommendation bench-search bench-storefront bench-autoscaling bench-scaling-cost bench-sale
bench: bench-operator bench-services bench-recommendation bench-search bench-storefront ## benchmarks, as JSON, tables and plots under docs/bench
bench-operator: $(UV) ## the operator beside a bare client on an API server, up to 3,000 services: some 15 minutes; ARGS=--quick: one
	@$(RUN) --group bench shop-bench operator $(ARGS)
bench-services: $(UV) ## the chassis beside bare FastAPI, hot routes, memory and imports of the services: some 15 minutes; ARGS=--quick: two
	@$(RUN) --group bench shop-bench services $(ARGS)
bench-recommendation: $(UV) ## recommendations beside item-kNN, popularity, ALS and an oracle, in made-up worlds: some 10 minutes; ARGS=--quick: half of one
	@$(RUN) --group bench shop-bench recommendation $(ARGS)
bench-search: $(UV) ## search beside full text in SQLite and PostgreSQL, 100,000 products, 500 known-item queries: some 15 minutes; ARGS=--quick: one
	@$(RUN) --group bench shop-bench search $(ARGS)
bench-storefront: $(UV) ## the front page with the whole shop behind it, storefront on one core: some 6 minutes; ARGS=--quick: one
	@$(RUN) --group bench shop-bench storefront $(ARGS)
bench-autoscaling: $(UV) ## the platform's autoscaler beside one on CPU and a fixed number, on the cluster of `make up`: some hour and a half, goes on where it was stopped; ARGS=--quick: half of one
	@$(RUN) --group bench shop-bench autoscaling $(ARGS)
bench-sale: $(UV) ## a sale on catalog and cart, on the same cluster, five times: do the others notice? some half an hour, goes on as well; ARGS=--quick: one
	@$(RUN) --group bench shop-bench sale $(ARGS)
bench-scaling-cost: $(UV) ## what a p99 costs with both autoscalers at three targets, on the same cluster: some hour, goes on as well; ARGS=--quick: half of one
	@$(RUN) --group bench shop-bench scaling_cost $(ARGS)

.PHONY: test test-fast test-services test-operator test-cluster test-e2e test-long mutation lint generate tools
test: lint test-fast tools test-services test-operator test-cluster test-e2e ## everything that must pass; from nothing up to an hour, warm a good half
test-fast: $(UV) ## no cluster, no root, under two minutes
	@$(call tested,$(ONE_MORE) --dist worksteal,-m "not (cluster or apiserver or postgres or nats or redis or stripe or s3 or slow)" operator services tests/cluster tests/platform tests/bench tests/faults)
test-services: $(UV) ## services against PostgreSQL, Redis, NATS, S3 and Stripe's mock, and what takes long; journeys through all of them; orders under faults
	@$(call tested,$(ONE_MORE) --dist loadfile,-m "postgres or nats or redis or stripe or s3 or slow" services tests/journeys)
	@$(PYTEST) -m "postgres or nats or redis" tests/faults
# API servers, kubectl, helm and promtool in Go look for garbage four times less often: an eighth of their CPU
# for some 110 MiB more of each API server.
test-operator: export GOGC := 400
test-operator: $(UV) ## operator against a real API server without nodes, its pods' scripts against PostgreSQL and Redis
	@$(call tested,$(ONE_MORE) --dist loadfile,-m "apiserver or postgres or redis" operator tests/cluster tests/platform tests/bench)
test-cluster: $(UV) ## the local cluster itself
	@$(PYTEST) -m cluster tests/cluster tests/platform
test-e2e: $(UV) ## the shop on a cluster of its own
	@$(call tested,$(ON_ONE_CLUSTER),-m cluster tests/e2e)
test-long: $(UV) ## longer runs of the same, not part of `make test`
	@SHOP_TEST_LONG=1 $(PYTEST) operator services tests
	@$(MAKE) mutation
mutation: $(UV) ## faults made in builders and engine, of which tests must notice 85 %; a slice: MUTANTS='*__mutmut_*7'
	@cd operator && nice -n 19 $(RUN) mutmut run $(if $(MUTANTS),'$(MUTANTS)') && $(RUN) python tests/mutants.py
tools: $(UV) ## programs that the tests and the cluster need: Debian packages and builds from Go modules
	@$(RUN) shop-platform tools
generate: $(UV) ## writes the files that are made from others: CRD, role, golden files, manifests; read the diff
	@$(PYTEST) -q --update-golden operator/tests -m "not (apiserver or postgres or redis)"
	@$(RUN) shop-platform generate
lint: $(UV) ## formatting, lint, types, generated files
	@$(RUN) ruff format --check .
	@$(RUN) ruff check .
	@$(RUN) mypy operator/src services/*/src tests/*/src
	@$(UV) lock --check
