# make help lists the targets. CI runs .ci/run, which is made of them.
.DEFAULT_GOAL := build
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:

# What cgo needs, by Debian's names, and the C libraries we link by their pkg-config names.
SYSTEM_PACKAGES := gcc libc6-dev pkg-config libjpeg-dev libwebp-dev
C_LIBRARIES := libjpeg libwebp libwebpdemux

# Outside ./..., whose folders do not begin with a dot.
TOOLS := ./.ci/layers ./.ci/bench

# ONNX Runtime, beside the program.
LIBRARY := bin/libonnxruntime.$(if $(filter Darwin,$(shell uname -s)),dylib,so)

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
export CGO_ENABLED := 1

# These share what they compile (minutes, the first time) only when they agree on -trimpath.
build flink flink-cluster vet lint bench-tool bench benchmarks fuzz leaks: export GOFLAGS += -trimpath

.PHONY: build
build: toolchain $(LIBRARY) ## build bin/tagbeam, and fetch ONNX Runtime to stand beside it
	go build -ldflags '-s -w -X main.version=$(VERSION)' -o bin/tagbeam ./pipeline/tagbeam

.PHONY: toolchain
toolchain:
	@.ci/toolchain.sh '$(SYSTEM_PACKAGES)' '$(C_LIBRARIES)'

# Always looked at: the script verifies the checksum of what is there.
.PHONY: $(LIBRARY)
$(LIBRARY): toolchain
	@.ci/onnxruntime.sh $@

# INPUT is the examples of our own unless given, MODEL the built-in model, OUTPUT a new temporary folder. A run with images that have errors
# (exit status 3) is a run that worked. ~ is put in here: not every shell does it within an argument.
INPUT ?= testdata/examples
MODEL ?= builtin
OUTPUT ?=
.PHONY: run
run: build ## tag the example images, or yours: make run [INPUT=~/Pictures] [MODEL=dir] [OUTPUT=dir]
	@input='$(INPUT)' model='$(MODEL)' output='$(OUTPUT)'; \
	input=$${input/#\~/$$HOME} model=$${model/#\~/$$HOME} output=$${output/#\~/$$HOME}; \
	output=$${output:-$$(mktemp -d "$${TMPDIR:-/tmp}/tagbeam-run.XXXXXX")}; \
	bin/tagbeam tag --input "$$input" --model "$$model" --output "$$output" || [ $$? -eq 3 ]; \
	printf 'look further:\n  %s\n' "duckdb -c \"select label, count(*) n, round(avg(confidence), 2) confidence from '$$output/labels/**/*.parquet' group by 1 order by n desc\""

# TAGBEAM_AZURITE is the emulator that the tests of az:// speak to. TAGBEAM_PYTHON lets tests read our tables with other people's Parquet readers, and compare pixels to Pillow's and logits to onnxruntime's.
.PHONY: test
test: toolchain $(LIBRARY) ## all tests, with the race detector
	@python=$$(.ci/python.sh .cache/python); azurite=$$(.ci/azurite.sh .cache/azurite); \
	export TAGBEAM_ONNXRUNTIME='$(CURDIR)/$(LIBRARY)' TAGBEAM_AZURITE="$$azurite"; \
	if [ -n "$$python" ]; then export TAGBEAM_PYTHON="$$python"; else unset TAGBEAM_PYTHON; fi; \
	set -x; go test -race -timeout 45m ./... $(TOOLS)

# Go's own memory is no part of it: what is looked for is a C library, or our C, reading or writing where it should not, or leaking.
.PHONY: asan
asan: toolchain ## the C code under AddressSanitizer, where the toolchain has it
	@if ! echo 'int main(void) { return 0; }' | $$(go env CC) -fsanitize=address -x c -o /dev/null - 2>/dev/null; then \
	  echo 'asan: $(shell go env CC) has no AddressSanitizer here; skipped' >&2; exit 0; fi; \
	set -x; go test -asan -timeout 20m -run '$(ASAN_TESTS)' ./model/preprocess
ASAN_TESTS := TestOddFiles|TestDecode|TestDamage|TestFast|TestStrips|TestWindow|TestTurn|TestScans|TestAllowTruncated|TestTensor|Fuzz

# Each decoder and the resampler's geometry in turn. What a fuzzer finds, it writes to testdata/fuzz beside the test: mend it, and commit that.
FUZZTIME ?= 75s
FUZZERS := FuzzJPEG FuzzWebP FuzzPNG FuzzGIF FuzzBMP FuzzTIFF FuzzResample
.PHONY: fuzz
fuzz: toolchain ## fuzz the decoders: ten minutes in all [FUZZTIME=75s each]
	for f in $(FUZZERS); do go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) ./model/preprocess; done

.PHONY: leaks
leaks: toolchain ## decode 100,000 good and bad files, and report the process's memory over time
	TAGBEAM_LEAK_DECODES=100000 go test -count 1 -timeout 1h -v -run TestNoLeak ./model/preprocess

# TAGBEAM_FLINK is the folder of Beam's job server with an embedded Flink; the tests start it, on ports that are free, and stop it.
.PHONY: flink
flink: build ## tag on a real Flink 1.19: the table of the direct runner, through faults too (needs java and mvn)
	@lib=$$(.ci/flink.sh .cache/flink); [ -n "$$lib" ] || exit 0; \
	export TAGBEAM_FLINK="$$lib" TAGBEAM_FLINK_OPERATOR="$$(.ci/flink-crd.sh .cache/flink-crd)"; \
	export TAGBEAM_PROGRAM='$(CURDIR)/bin/tagbeam' TAGBEAM_ONNXRUNTIME='$(CURDIR)/$(LIBRARY)'; \
	set -x; go test -count 1 -timeout 30m -run '^TestFlink' -v ./pipeline/tagbeam

.PHONY: flink-cluster
flink-cluster: build ## the same on a JobManager and two TaskManagers, one of which is killed (needs java, mvn and pip; 230 MB)
	@lib=$$(.ci/flink.sh .cache/flink); cluster=$$(.ci/flink-cluster.sh .cache/flink-cluster); [ -n "$$lib" ] && [ -n "$$cluster" ] || exit 0; \
	export TAGBEAM_FLINK="$$lib" TAGBEAM_FLINK_CLUSTER="$$cluster" TAGBEAM_PROGRAM='$(CURDIR)/bin/tagbeam' TAGBEAM_ONNXRUNTIME='$(CURDIR)/$(LIBRARY)'; \
	set -x; go test -count 1 -timeout 30m -run '^TestStandaloneCluster' -v ./pipeline/tagbeam

# FLINK_MASTER is a cluster of yours; [local] is a Flink inside the job server.
FLINK_MASTER ?= [local]
.PHONY: flink-server
flink-server: ## run Beam's job server for Flink on localhost:8099, until Ctrl-C [FLINK_MASTER=HOST:8081]
	@lib=$$(.ci/flink.sh .cache/flink); [ -n "$$lib" ] || exit 1; \
	exec .ci/flink/server.sh "$$lib" --job-port=8099 --artifact-port=8098 --flink-master='$(FLINK_MASTER)'

.PHONY: vet
vet: toolchain ## go vet
	go vet ./... $(TOOLS)

.PHONY: lint
lint: toolchain ## gofmt, staticcheck, go.mod tidy, what is tracked
	@unformatted=$$(git ls-files -z -- '*.go' | xargs -0 gofmt -l); \
	if [ -n "$$unformatted" ]; then printf 'not gofmt-ed:\n%s\n' "$$unformatted" >&2; exit 1; fi
	go tool staticcheck ./... $(TOOLS)
	go mod tidy -diff
	.ci/tree.sh

.PHONY: layers
layers: ## dependencies point down only
	go run ./.ci/layers

.PHONY: scripts
scripts: $(LIBRARY) ## tests of the scripts in .ci
	.ci/onnxruntime_test.sh $(LIBRARY)

.PHONY: accuracies
accuracies: build ## how good trained heads are, on photos kept aside: all heads, five folds (minutes; photos and models in $TAGBEAM_SHARED)
	TAGBEAM_ACCURACIES=1 TAGBEAM_ONNXRUNTIME=$(abspath $(LIBRARY)) go test -count=1 -timeout 30m -v -run 'TestTrainOn(Photos|Shards)' ./pipeline/tagbeam

.PHONY: builtin
builtin: ## make the built-in model anew: generate, train, export, evaluate, write its card (an hour, 1 GB in .cache)
	.ci/builtin.sh .cache/builtin

.PHONY: builtin-quick
builtin-quick: ## all of that on a little data, in two minutes: does the training still work?
	.ci/builtin.sh .cache/builtin --quick

# Everything in turn on this machine, peers in virtual environments of their own below .cache/bench: 25 minutes, once they are installed.
# BENCH takes the options of go run ./.ci/bench run: BENCH=-short takes some minutes, BENCH='-parts squeezenet -images 1000 -rounds 3' a part.
# The photos and models of other people are those in $TAGBEAM_SHARED; without it, generated photos and the built-in model are measured.
BENCH ?=
.PHONY: bench
bench: bench-tool ## tagbeam beside its ceiling and its peers: a table, and .cache/bench/bench.json [BENCH=-short]
	$(BENCH_ENV) $(BENCH_TOOL) run $(BENCH)

.PHONY: bench-go
bench-go: bench-tool ## that without peers in Python
	$(BENCH_ENV) $(BENCH_TOOL) run -peers none $(if $(findstring -parts,$(BENCH)),,-parts mobilenetv2,squeezenet,vit-cifar10,builtin,memory) $(BENCH)

SCALE ?=
.PHONY: scale
scale: bench-tool ## 10,000, 100,000 and 1,000,000 small images, in tar archives and in Parquet files [SCALE='-sizes 1000,10000']
	$(BENCH_ENV) $(BENCH_TOOL) scale $(SCALE)

BENCH_TOOL := .cache/bench/bench
BENCH_ENV = python=$$(.ci/python.sh .cache/python); if [ -n "$$python" ]; then export TAGBEAM_PYTHON="$$python"; fi; \
	TAGBEAM_ONNXRUNTIME='$(CURDIR)/$(LIBRARY)'
.PHONY: bench-tool
bench-tool: build
	go build -o $(BENCH_TOOL) ./.ci/bench

.PHONY: benchmarks
benchmarks: toolchain $(LIBRARY) ## the Go benchmarks beside the hot parts, ready for benchstat
	TAGBEAM_ONNXRUNTIME='$(CURDIR)/$(LIBRARY)' go test -run '^$$' -bench . -benchmem ./...

# Slow, so that CI does without: it compares with processors.json, which parity.py made of images of our own.
PARITY := .cache/parity
.PHONY: parity
parity: toolchain $(LIBRARY) ## tensors and labels beside those of transformers and onnxruntime, on the shared photos
	python3 -m venv $(PARITY)
	$(PARITY)/bin/python -m pip install --quiet --disable-pip-version-check --only-binary=:all: -r testdata/preprocess/requirements.txt
	TAGBEAM_PARITY_PYTHON='$(CURDIR)/$(PARITY)/bin/python' TAGBEAM_ONNXRUNTIME='$(CURDIR)/$(LIBRARY)' \
	  go test -count 1 -timeout 2h -v -run 'EqualPython|EqualsProcessors' ./model

.PHONY: clean
clean: ## remove what was made here (not ONNX Runtime in your cache)
	rm -rf bin .cache

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' Makefile | awk -F ':.*## ' '{ printf "make %-13s %s\n", $$1, $$2 }'
