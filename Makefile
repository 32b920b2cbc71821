# The commands of the house. `make` alone lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Where Cargo builds, and where the tools of `make test` are kept.
TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
TOOLS := $(abspath $(or $(KUMIKI_TOOLS),$(TARGET)/tools))
KUMIKI := $(TARGET)/release/kumiki
PROJECT := infra/service

# AWS's crates declare Rust 1.96 and build on 1.95. Nobody should have to type that.
FLAGS := --locked --ignore-rust-version

NEXTEST_VERSION := 0.9.143
DENY_VERSION := 0.20.2
MACHETE_VERSION := 0.9.2
CYCLONEDX_VERSION := 0.5.9
PYTHON := $(TOOLS)/python/bin
# What the tests of the services talk to besides a real PostgreSQL, and what verifies their documents.
MINISTACK_VERSION := 1.5.33
SCHEMATHESIS_VERSION := 4.32.5
CBOR2_VERSION := 6.3.0
EMULATORS := $(TOOLS)/emulators/bin
CLIENTS := $(TOOLS)/clients/bin

export PATH := $(TOOLS)/bin:$(PATH):$(EMULATORS)

.PHONY: help
help: ## List these commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | \
		while IFS=$$'\t' read -r name text; do printf '  make %-14s %s\n' "$$name" "$$text"; done

.PHONY: build
build: ## Build the release binary
	cargo build --release $(FLAGS) --package kumiki

.PHONY: up
up: build ## Build, then rehearse dev on the embedded engine
	$(KUMIKI) up dev --yes --project $(PROJECT)

.PHONY: check
check: build ## Build, then check every template in every environment
	$(KUMIKI) check --project $(PROJECT)

# What fails fast comes first; the test runner comes last, so that its summary ends the output.
.PHONY: test
test: tools emulators ## Everything that a change has to pass
	cargo fmt --all --check
	cargo machete --skip-target-dir
	cargo deny --log-level error check bans licenses sources
	cargo clippy $(FLAGS) --workspace --all-targets -- -D warnings
	cargo test $(FLAGS) --workspace --doc
	cargo nextest run $(FLAGS) --workspace

# Built without optimisation: they are soon compiled, and what they do is soon done.
install = $(1) --version 2>/dev/null | grep -qwF '$(2)' || \
	CARGO_PROFILE_DEV_DEBUG=0 cargo install --locked --debug --root '$(TOOLS)' $(3) $(1)@$(2)

.PHONY: tools
tools: ## Install the tools of `make test` at their pinned versions
	@$(call install,cargo-nextest,$(NEXTEST_VERSION),--no-default-features --features default-no-update)
	@$(call install,cargo-deny,$(DENY_VERSION))
	@$(call install,cargo-machete,$(MACHETE_VERSION))

# Programs that others wrote look at the same templates, and at what Kumiki writes and brings along.
# They need Python 3, and nothing else here does. W3002 says that a relative TemplateURL needs
# packaging: it gets it. Building for the workspace takes the same features as `make test`, so that
# nothing is compiled twice.
.PHONY: oracles
oracles: python ## Check templates and reports with programs that others wrote
	cd $(PROJECT) && '$(PYTHON)/cfn-lint' --include-checks I --ignore-checks W3002 \
		-r ap-northeast-1 -- stack.yaml nested/*/*.yaml bootstrap/stack.yaml rotation/stack.yaml
	cd $(PROJECT) && '$(PYTHON)/cfn-lint' --include-checks I -r us-east-1 -- edge/stack.yaml
	cd $(PROJECT) && '$(PYTHON)/cfn-lint' --include-checks I -r ap-northeast-3 -- dr/stack.yaml
	'$(PYTHON)/checkov' --directory $(PROJECT) --framework cloudformation --skip-download --compact --quiet
	KUMIKI_TOOLS='$(TOOLS)' cargo xtask handlers check
	'$(PYTHON)/actionlint' .github/workflows/*.yml
	'$(PYTHON)/shellcheck' --external-sources $(PROJECT)/scripts/[a-z]*.sh services/image .ci/run \
		crates/serve/tests/service.sh
	KUMIKI_TOOLS='$(TOOLS)' cargo xtask fixtures
	cargo build $(FLAGS) --workspace --bin kumiki
	KUMIKI='$(TARGET)/debug/kumiki' KUMIKI_TOOLS='$(TOOLS)' '$(PYTHON)/python' crates/kumiki/tests/adopting.py
	'$(PYTHON)/python' crates/kumiki/tests/lsp_client.py '$(TARGET)/debug/kumiki' $(PROJECT)

.PHONY: python
python:
	@cmp --silent xtask/oracles.txt '$(TOOLS)/python/oracles.txt' || { \
		python3 -m venv '$(TOOLS)/python' && \
		'$(PYTHON)/pip' install --quiet --requirement xtask/oracles.txt && \
		cp xtask/oracles.txt '$(TOOLS)/python/oracles.txt'; \
	}

# The same edits of the corpus each time, on the artifacts of `make test`. Coverage-guided fuzzing
# builds every dependency with instrumentation, which takes minutes: that is for `make fuzz-long`.
RUNS := 10000
.PHONY: fuzz
fuzz: tools ## Feed every reader of text with what it does not expect
	KUMIKI_FUZZ_RUNS='$(RUNS)' cargo nextest run $(FLAGS) --workspace -E 'package(kumiki-fuzz)'

.PHONY: sweep
sweep: ## Fail each resource of the service account in turn
	cargo test $(FLAGS) --package kumiki-backend-local --test local -- --ignored sweep

FUZZ_TARGET := tree
FUZZ_SECONDS := 600
FUZZ_HOST = $(shell rustc -vV | sed -n 's/^host: //p')
# The versions are those of Cargo.lock, and libfuzzer-sys as its manifest pins it. The flags are
# libFuzzer's; https://llvm.org/docs/SanitizerCoverage.html
FUZZ_FLAGS := --cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
	-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
	-Cllvm-args=-sanitizer-coverage-trace-compares
.PHONY: fuzz-long
fuzz-long: ## Fuzz FUZZ_TARGET for FUZZ_SECONDS, guided by coverage
	cp Cargo.lock fuzz/libfuzzer/
	cd fuzz/libfuzzer && CARGO_TARGET_DIR='$(TARGET)/libfuzzer' RUSTFLAGS='$(FUZZ_FLAGS)' \
		cargo build --ignore-rust-version --target $(FUZZ_HOST)
	mkdir -p '$(TARGET)/libfuzzer/corpus/$(FUZZ_TARGET)'
	KUMIKI_FUZZ_TARGET='$(FUZZ_TARGET)' '$(TARGET)/libfuzzer/$(FUZZ_HOST)/debug/kumiki-libfuzzer' \
		'$(TARGET)/libfuzzer/corpus/$(FUZZ_TARGET)' fuzz/corpus/$(FUZZ_TARGET) \
		-artifact_prefix='$(TARGET)/libfuzzer/' -dict=fuzz/libfuzzer/tokens.dict \
		-timeout=20 -max_len=16384 -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1
.PHONY: emulators
emulators:
	@'$(EMULATORS)/pip' freeze 2>/dev/null | grep -qxF 'ministack==$(MINISTACK_VERSION)' && \
		'$(EMULATORS)/pip' freeze | grep -qxF 'schemathesis==$(SCHEMATHESIS_VERSION)' || { \
		python3 -m venv '$(TOOLS)/emulators' && '$(EMULATORS)/pip' install --quiet \
			'ministack==$(MINISTACK_VERSION)' 'cbor2==$(CBOR2_VERSION)' 'schemathesis==$(SCHEMATHESIS_VERSION)'; \
	}

# AWS's own clients against `kumiki serve`; emulators are scored by the same probes.
.PHONY: clients
clients: emulators python-clients ## Try `kumiki serve` with the `aws` command and boto3
	cargo build $(FLAGS) --workspace --bin kumiki
	'$(CLIENTS)/python' crates/serve/tests/clients.py probes '$(TARGET)/debug/kumiki' '$(TOOLS)'
	'$(CLIENTS)/python' crates/serve/tests/clients.py service '$(TARGET)/debug/kumiki' '$(TOOLS)' $(PROJECT)
	'$(CLIENTS)/python' crates/serve/tests/clients.py deploy '$(TARGET)/debug/kumiki' '$(TOOLS)' $(PROJECT)

.PHONY: python-clients
python-clients:
	@cmp --silent xtask/clients.txt '$(TOOLS)/clients/clients.txt' || { \
		python3 -m venv '$(TOOLS)/clients' && \
		'$(CLIENTS)/pip' install --quiet --requirement xtask/clients.txt && \
		cp xtask/clients.txt '$(TOOLS)/clients/clients.txt'; \
	}

.PHONY: dev
dev: emulators ## Try out the three programs of the service, with sample data
	cargo build $(FLAGS) --package staff-api --package vendor-api --package batch --package service-test-bed
	'$(TARGET)/debug/service-dev'

# Debian has one major of PostgreSQL; the others that RDS offers are on npm. Node.js is needed.
POSTGRESQL_VERSIONS := 14.23.0-beta.17 16.14.0-beta.17 17.10.0-beta.17

.PHONY: majors
majors: tools emulators ## Test the services on other majors of PostgreSQL
	for version in $(POSTGRESQL_VERSIONS); do \
		PG_BIN="$$(services/test_bed/postgresql "$$version")" cargo nextest run $(FLAGS) \
			--package service-schema --package staff-api --package vendor-api --package batch; \
	done

# wrk and Node.js are needed for this, and for nothing else here.
.PHONY: bench-services
bench-services: ## Measure the vendor API, beside the same in Node.js
	cargo build --release $(FLAGS) --package vendor-api
	cargo build $(FLAGS) --package service-test-bed
	cd services/bench && npm ci --silent --ignore-scripts
	'$(TARGET)/debug/service-bench' '$(TARGET)/release/vendor-api' services/bench

# What each Dockerfile builds, without Docker, and each program once in such a root: it says what it
# misses. Only root may change its root.
.PHONY: images
images: ## Lay out what the images hold, and start each program in it
	for program in staff-api vendor-api batch; do \
		services/image "$$program" "$(TARGET)/images/$$program" && \
		du --summarize --human-readable "$(TARGET)/images/$$program" && \
		{ env --ignore-environment "$$(PATH="$$PATH:/usr/sbin" command -v chroot)" --userspec=10001:10001 "$(TARGET)/images/$$program" "/$$program"; \
			test $$? = 1; } || exit; \
	done

# The bill of materials of each image, and known holes in what it is made of. Both need the network.
.PHONY: sbom
sbom: ## List what the programs are made of (CycloneDX), and look for advisories
	@$(call install,cargo-cyclonedx,$(CYCLONEDX_VERSION))
	for program in staff_api vendor_api batch; do \
		cargo cyclonedx --format json --spec-version 1.5 --manifest-path "services/$$program/Cargo.toml"; \
	done
	cargo deny check advisories

.PHONY: bench
bench: build python emulators python-clients ## Measure, beside cfn-lint, ministack and moto
	PATH='$(PYTHON)':"$$PATH" cargo xtask bench
	'$(CLIENTS)/python' crates/serve/tests/clients.py bench '$(KUMIKI)' '$(TOOLS)' $(PROJECT)

.PHONY: clean
clean: ## Remove what was built, tools included; rehearsed stacks stay
	cargo clean
	rm -rf '$(TOOLS)'
