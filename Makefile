# What a person types. `make demo` and `make test` work in a fresh clone.

GO ?= go

.PHONY: build demo test interop mutants bench fuzz

build: ## the one binary
	$(GO) build -trimpath -o bin/kindpakket ./cmd/kindpakket

demo: build ## the main job, narrated
	./bin/kindpakket demo --once

test: ## everything but interop, mutants, fuzz and bench
	$(GO) vet ./...
	$(GO) test ./...
