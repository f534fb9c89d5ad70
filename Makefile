# make demo    the main job, end to end, on local servers (KEEP=1 leaves them running, make stop ends them)
# make bench   the whole path, measured (ROUNDS=3)
# make test    lint, unit, integration and end-to-end tests
# make simulate SEEDS=100000 (or SEED=7), make chaos KILLS=200, make fuzz INPUTS=1000000
SHELL := /bin/bash
PYTHON := .local/venv/bin/python

.PHONY: bootstrap build demo stop test bench simulate chaos fuzz lint docs clean

bootstrap:
	@deploy/local/bootstrap

build: bootstrap
	@echo "== building release (the first time takes a few minutes)"
	@swift build -c release --product ingest-worker
	@swift build -c release --product embed-worker
	@swift build -c release --product ingestctl
	@swift build -c release --product document-extractor

demo: build
	@$(PYTHON) deploy/local/demo.py

stop:
	@test ! -x $(PYTHON) || $(PYTHON) deploy/local/stack.py down demo

lint: bootstrap
	@echo "== lint"
	@swift format lint --strict --recursive --parallel Package.swift Sources Tests

# The tables of docs/configuration.md, from the programs' own declarations.
docs: build
	@sed -i '/^## Every program$$/,$$d' docs/configuration.md
	@.build/release/ingestctl settings >>docs/configuration.md

test: lint build
	@$(PYTHON) Tests/run.py

bench: build
	@$(PYTHON) Tests/EndToEnd/bench.py

simulate: bootstrap
	@$(PYTHON) Tests/simulate.py $(if $(SEEDS),--seeds $(SEEDS)) $(if $(SEED),--seed $(SEED))

chaos: build
	@$(PYTHON) Tests/EndToEnd/chaos.py --kills $(or $(KILLS),200)

fuzz: bootstrap
	@$(PYTHON) Tests/fuzz.py --inputs $(or $(INPUTS),1000000)

clean:
	rm -rf .build .local
