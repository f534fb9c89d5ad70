# make demo    the main job, end to end, on local servers (KEEP=1 leaves them running, make stop ends them)
# make bench   the whole path, measured (ROUNDS=3); make bench-chunk cutting text; make evaluate what search finds beside others; make readers
# make test    lint, unit, integration and end-to-end tests
# make simulate SEEDS=100000 (or SEED=7), make simulate SEEDS=0 DOUBLES=100000, make chaos KILLS=200, make edges SECONDS=600, make damage OBJECTS=100000, make web, make operator, make telemetry, make load RATE=10, make scaling, make deploy-static, make deploy-test, make image-test, make large, make tenants, make duplicates EVENTS=10000, make replay OBJECTS=10000, make providers, make batches, make budget WORKERS=8 SECONDS=180, make soak OBJECTS=100000, make fuzz INPUTS=1000000
# make growth: time of each stage at 1, 2 and 4 MB of one document
# make hostile MUTATIONS=5000, make columns, make tables, make running, make directions, make scripts, make bench-extract, make fidelity: documents that lie, order, speed and text beside other extractors
SHELL := /bin/bash
PYTHON := .local/venv/bin/python
# The manifest asks whether Tesseract is there: no answer of another day.
BUILD := swift build -c release --manifest-cache none

.PHONY: bootstrap build demo stop test bench bench-chunk evaluate readers simulate chaos edges damage web telemetry load scaling deploy-static deploy-test image-test operator large tenants duplicates fuzz growth hostile columns tables running directions bench-extract fidelity scripts peers public replay providers batches budget soak lint docs clean

bootstrap:
	@deploy/local/bootstrap

build: bootstrap
	@echo "== building release (the first time takes a few minutes)"
	@$(BUILD) --product ingest-worker
	@$(BUILD) --product embed-worker
	@$(BUILD) --product ingestctl
	@$(BUILD) --product document-extractor
	@test ! -e /usr/include/tesseract/capi.h || $(BUILD) --product document-ocr

demo: build
	@$(PYTHON) deploy/local/demo.py

stop:
	@test ! -x $(PYTHON) || $(PYTHON) deploy/local/stack.py down demo

lint: bootstrap
	@echo "== lint"
	@swift format lint --strict --recursive --parallel Package.swift Sources Tests
	@$(PYTHON) Tests/lint.py
	@$(PYTHON) Tests/image.py

# The tables of docs/configuration.md and docs/ingestctl.md, from the programs' own declarations.
docs: build
	@sed -i '/^### `ingestctl setup`$$/,$$d' docs/ingestctl.md
	@.build/release/ingestctl manual --markdown >>docs/ingestctl.md
	@sed -i '/^## Every program$$/,$$d' docs/configuration.md
	@.build/release/ingestctl settings >>docs/configuration.md
	@sed -i '/^| metric | type | label/,$$d' docs/telemetry.md
	@.build/release/ingestctl metrics >>docs/telemetry.md
	@sed -i '/^Version [0-9]* of the fields/,$$d' docs/index.md
	@.build/release/ingestctl fields >>docs/index.md

test: lint build
	@Tests/Web/bootstrap
	@Tests/Telemetry/bootstrap
	@Tests/Deploy/bootstrap
	@Tests/Readers/bootstrap
	@$(PYTHON) Tests/run.py

# Beside two Python pipelines on the same servers (ROUNDS=3, DOCUMENTS=DIR for documents of your own).
bench: build
	@Tests/Bench/bootstrap
	@$(PYTHON) Tests/Bench/bench.py --rounds $(or $(ROUNDS),3) $(if $(DOCUMENTS),--documents $(DOCUMENTS))

simulate: bootstrap
	@$(PYTHON) Tests/simulate.py $(if $(SEEDS),--seeds $(SEEDS)) $(if $(SEED),--seed $(SEED)) $(if $(DOUBLE),--double) $(if $(DOUBLES),--double-seeds $(DOUBLES))

chaos: build
	@$(PYTHON) Tests/EndToEnd/chaos.py --kills $(or $(KILLS),200)

# What documents, providers and stores do wrong, one and all (SECONDS=600: how long an outage lasts).
edges: build
	@$(PYTHON) Tests/EndToEnd/edges.py --seconds $(or $(SECONDS),45)

# What the fleet reports, read by others' readers, a Phoenix server among them (a gigabyte of Python packages).
telemetry: build
	@Tests/Telemetry/bootstrap phoenix
	@$(PYTHON) Tests/Telemetry/telemetry.py --phoenix

# Whether search finds more than the peers' (SETS=cran,cat,long MODELS=wordllama,minilm QUICK=1): about an hour.
evaluate: build
	@Tests/Retrieval/bootstrap
	@$(PYTHON) Tests/Retrieval/evaluate.py $(if $(SETS),--sets $(SETS)) $(if $(MODELS),--models $(MODELS)) $(if $(QUICK),--quick)

bench-chunk: build
	@Tests/Retrieval/bootstrap
	@$(BUILD) --product chunk-bench
	@$(PYTHON) Tests/Retrieval/bench_chunk.py --rounds $(or $(ROUNDS),3)

# The index as LangChain, LlamaIndex, Haystack and opensearch-py read it.
readers: build
	@Tests/Readers/bootstrap
	@$(PYTHON) Tests/Readers/readers.py

# Documents at a rate: constant, ramp, burst (RATE=10 documents a second, SECONDS=60).
load: build
	@$(PYTHON) Tests/EndToEnd/load.py $(if $(RATE),--rate $(RATE)) $(if $(SECONDS),--seconds $(SECONDS)) $(if $(REPORT),--report)

# Five kinds of day of the autoscaling policy, a million documents each.
scaling: bootstrap
	@$(PYTHON) Tests/Deploy/scaling.py $(if $(REPORT),--plot docs/images/scaling.svg)

# The infrastructure: formatted, validated, tested with a mocked provider, linted; then applied to a local server, with the fleet on what it made.
deploy-static: bootstrap
	@Tests/Deploy/bootstrap
	@$(PYTHON) Tests/Deploy/deploy.py --static

deploy-test: build
	@Tests/Deploy/bootstrap
	@$(PYTHON) Tests/Deploy/deploy.py

# The image, built without a registry and run as Fargate does (as root).
image-test: build
	@Tests/Deploy/bootstrap buildah podman runc debootstrap uidmap
	@$(PYTHON) Tests/Deploy/image.py $(if $(KEEP),--keep)

# A document of 19,000 chunks: what an interruption costs, and memory with four of them.
large: build
	@$(PYTHON) Tests/EndToEnd/large.py

# A tenant with 1,000 small documents that each take an extractor's whole time, beside another.
tenants: build
	@$(PYTHON) Tests/EndToEnd/tenants.py --documents $(or $(DOCUMENTS),1000)

# Many events of one object: one download, one hand-over.
duplicates: build
	@$(PYTHON) Tests/run.py --only stops --duplicates $(or $(EVENTS),10000)

# Replays of a prefix that has not changed, with a budget, killed and resumed; a dry run's forecast beside what was paid.
replay: build
	@$(PYTHON) Tests/EndToEnd/replays.py --objects $(or $(OBJECTS),10000)

# A fleet on the API of each embeddings provider, as the local server speaks it.
providers: build
	@$(PYTHON) Tests/EndToEnd/providers.py

# Replays through the provider's batch API: half the price, and nothing paid twice.
batches: build
	@$(PYTHON) Tests/EndToEnd/batches.py

# Several embed-workers with one account: how much of its limits they use, and what is refused.
budget: build
	@$(PYTHON) Tests/EndToEnd/budget.py --workers $(or $(WORKERS),8) --seconds $(or $(SECONDS),180)

# Both workers over many small objects: memory, descriptors, threads and throughput stay flat (an hour for 100,000).
soak: build
	@$(PYTHON) Tests/EndToEnd/soak.py --objects $(or $(OBJECTS),100000)

# `verify` and `repair` among many objects, with every kind of damage planted.
damage: build
	@$(PYTHON) Tests/EndToEnd/damage.py --objects $(or $(OBJECTS),100000)

# The web view in headless Chromium (SCREENSHOTS=docs/images takes pictures).
web: build
	@Tests/Web/bootstrap
	@$(PYTHON) Tests/Web/web_view.py $(if $(SCREENSHOTS),--screenshots $(SCREENSHOTS))

# An operator's day.
operator: build
	@$(PYTHON) Tests/run.py --only operator --only commands

fuzz: bootstrap
	@$(PYTHON) Tests/fuzz.py --inputs $(or $(INPUTS),1000000)

growth: bootstrap
	@$(PYTHON) Tests/growth.py

hostile: build
	@$(PYTHON) Tests/Extraction/hostile.py --mutations $(or $(MUTATIONS),5000)

columns tables running directions: build
	@$(PYTHON) Tests/Extraction/$@.py

# Other extractors, to compare with, and what makes documents whose text is known.
peers: build
	@Tests/Extraction/bootstrap

# Without poppler's private headers, to see what they are worth.
public: build
	@POPPLER_PRIVATE_ABI=0 $(BUILD) --scratch-path .build-public --product document-extractor

bench-extract: peers public
	@.local/extraction/bin/python Tests/Extraction/bench.py --rounds $(or $(ROUNDS),5)

fidelity: peers
	@.local/extraction/bin/python Tests/Extraction/fidelity.py --count $(or $(COUNT),40)

# Nine scripts by four programs that write PDFs.
scripts: build
	@Tests/Extraction/bootstrap --producers
	@.local/extraction/bin/python Tests/Extraction/scripts.py

clean:
	rm -rf .build .local
