# Everything a contributor needs. `make help` lists the targets.
CARGO ?= cargo
# the public cases that some tests read; they say so when it is not there
DEVUP_CASES ?= $(wildcard $(abspath ../shared/cases))
export DEVUP_CASES

.PHONY: help build check fmt clippy deny architecture machine test conformance demo bench soak fuzz bare modern bakerydemo publicprojects install clean

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

build: ## the release binary
	$(CARGO) build --release --locked

check: fmt clippy deny architecture ## formatting, lints, licences and sources of dependencies, the house's floors

fmt:
	$(CARGO) fmt --check

clippy:
	$(CARGO) clippy --locked --all-targets -- -D warnings

deny:
	@$(CARGO) deny --version >/dev/null 2>&1 || $(CARGO) install --locked --debug cargo-deny
	$(CARGO) deny --locked check bans licenses sources

architecture:
	$(CARGO) test --locked --test architecture

machine: ## installs and starts what the tests need: engines, image tools
	scripts/test-machine

test: machine check ## all tests; installs and starts what they need
	DEVUP_REQUIRE_ENGINES=1 $(CARGO) test --locked --lib --bins --test architecture --test cli --test converge
	# one at a time: Podman's storage loses layers when equal images are imported side by side
	DEVUP_REQUIRE_ENGINES=1 $(CARGO) test --locked --test conformance -- --test-threads=1
	DEVUP_REQUIRE_ENGINES=1 $(CARGO) test --locked --test e2e -- --test-threads=$${TEST_THREADS:-2}

conformance: machine ## how much of Compose and of dev containers holds, in figures; beside docker-compose where it is
	DEVUP_REQUIRE_ENGINES=1 $(CARGO) test --locked --test conformance -- --nocapture --test-threads=1
	DEVUP_REQUIRE_ENGINES=1 $(CARGO) test --locked --test e2e -- --nocapture --test-threads=2 scenarios:: listings::

demo: ## brings up a real Django shop from nothing and checks it in earnest
	scripts/demo

bench: build ## side by side with Docker Compose, and with the bare engine calls
	scripts/bench

soak: machine ## the long versions of the randomised tests; SEED=… to repeat
	scripts/soak

# SECONDS is the shell's own name for something else: it is handed on under another
fuzz: ## fuzzes the loader with libFuzzer: SECONDS=600, SEED=…
	DEVUP_FUZZ_SECONDS=$(or $(SECONDS),600) scripts/fuzz

bare: machine ## on bare Debians inside this machine: make demo from a fresh clone, and all through a company's proxy
	DEVUP_REQUIRE_ENGINES=1 $(CARGO) test --locked --test e2e -- --ignored --nocapture --test-threads=1 bootstrap::

modern: machine ## the tests of builds on a modern Docker (Debian 13's), beside the machine's own
	scripts/modern-docker

bakerydemo: ## wagtail's bakerydemo as it is: BAKERYDEMO=its clone
	scripts/bakerydemo

publicprojects: ## public Compose projects read and planned, beside Docker Compose: CLONES=folder of OWNER+NAME
	$(CARGO) build --locked
	scripts/public-projects

install: ## puts devup into cargo's bin folder
	$(CARGO) install --locked --path .

clean:
	$(CARGO) clean
