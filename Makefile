# What a person types. `make demo` and `make test` work in a fresh clone.

GO ?= go
FUZZTIME ?= 20s

.PHONY: build demo test race interop mutants bench fuzz

build: ## the one binary, bin/kindpakket
	$(GO) build -trimpath -o bin/kindpakket ./cmd/kindpakket

demo: build ## the main job, narrated, on the sample municipality
	./bin/kindpakket demo --once

test: race ## everything but interop, mutants, fuzzing and benchmarks
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "not gofmt'ed:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) vet ./...
	$(GO) test ./...

race: ## what many goroutines share, under the race detector
	$(GO) test -race ./ledger/bolt ./ledger/remote ./issuer ./verifier ./wallet

interop: ## other people's implementations, each in a module of its own
	cd interop/bbs && $(GO) vet ./...
	./interop/bbs/run
	cd bench && $(GO) vet ./crypto && GOOS=js GOARCH=wasm $(GO) vet ./node/...

mutants: ## bring old faults back; the tests must notice
	$(GO) run ./internal/mutants

bench: ## ratios against peers; see docs/benchmarks.md
	cd bench && $(GO) run ./crypto
	./bench/node/run
	cd bench && $(GO) test -run '^$$' -bench . -benchtime 2s ./...

fuzz: ## every fuzz target for FUZZTIME
	@set -e; for pkg in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
			echo "$$pkg $$target"; $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $$pkg; \
		done; \
	done
