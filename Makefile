# Everyday commands. CMakeLists.txt describes the build; the files in tools/ do the longer things.
JOBS ?= $(shell nproc)
BUILD = cmake --build build -j$(JOBS)

.DEFAULT_GOAL = all
.PHONY: all run test test-long asan tsan fuzz mutants check bench bench-core bench-repair bench-server bench-memory bench-profile bench-failover bench-web \
        install clean

all: build/Makefile
	@$(BUILD)

build/Makefile:
	@cmake --preset release

# A cluster of three on this machine; its data is in ./fairlead-data, and it stays when this returns.
run: build/Makefile
	@$(BUILD) --target fairlead
	@build/fairlead up

# Everything, in less than twenty minutes on two cores. The last line counts.
test:
	@JOBS=$(JOBS) tools/test all

# The same with large numbers: half an hour. FL_TEST_CASES=N sets the number of random runs by hand.
test-long:
	@FL_TEST_LONG=1 JOBS=$(JOBS) tools/test all

# One part of it: unit tests and a cluster under a sanitizer, or the fuzzers.
asan tsan fuzz:
	@JOBS=$(JOBS) tools/test $@

# Does the testing bite? Each small fault of tests/mutants is put in, and must be noticed. Half an hour.
mutants:
	@JOBS=$(JOBS) tools/mutants

# What a commit must pass, before ./test.
check:
	@JOBS=$(JOBS) tools/check/all

# Side by side with others; every figure is a line "name value unit". See docs/performance.md.
bench: all
	@bench/run

bench-core bench-repair bench-server bench-memory bench-profile bench-failover bench-web: all
	@bench/run $(@:bench-%=%)

# To /usr/local, or `make install PREFIX=/opt/fairlead`; DESTDIR is respected.
PREFIX ?= /usr/local
install: all
	@cmake --install build --prefix $(PREFIX)

clean:
	rm -rf build build-asan build-tsan build-fuzz build-debug build-coverage build-clang
