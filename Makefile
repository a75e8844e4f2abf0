# stylet: speech in, style vectors out. `make list` shows the targets.
#
# Variants are built side by side: make VARIANT=asan puts everything under
# build/asan. V=1 shows the commands.

CC ?= cc
PKG_CONFIG ?= pkg-config
PYTHON ?= python3
PREFIX ?= /usr/local
VARIANT ?= release
BUILD := build/$(VARIANT)
VERSION := $(shell sed -n 's/^.define STYLET_VERSION "\(.*\)"/\1/p' lib/stylet.h)

# espeak-ng: its header only, the library is loaded when something is spoken (lib/speak/engine.h)
HEADERS_OF := espeak-ng
PACKAGES := sndfile soxr kissfft-float libcjson openblas libxxhash nettle zlib libpng
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wvla \
            -Wmissing-prototypes -Wwrite-strings -Wformat=2 -Wundef
# No fast-math and no contraction: results may not depend on what a compiler
# makes of a*b+c. Wide instructions are chosen at run time.
CFLAGS_release := -O2 -g -ftree-vectorize
CFLAGS_asan := -O1 -g -fsanitize=address -fno-omit-frame-pointer
CFLAGS_ubsan := -O1 -g -fsanitize=undefined,float-cast-overflow -fno-sanitize-recover=all
CFLAGS_tsan := -O1 -g -fsanitize=thread
CPPFLAGS += -Ilib $(shell $(PKG_CONFIG) --cflags $(PACKAGES) $(HEADERS_OF))
CFLAGS += -std=c11 $(or $(CFLAGS_$(VARIANT)),-O2 -g) -fvisibility=hidden -fPIC -ffp-contract=off $(WARNINGS) \
          $(if $(WERROR),-Werror)
LDLIBS += $(shell $(PKG_CONFIG) --libs $(PACKAGES)) -lm -lpthread -ldl
# KISS FFT's source (scripts/setup.sh fetches it) is compiled once for each vector
# width by lib/audio/stft_*.c. Without it, or with make KISS=, the shared library serves.
KISS := $(wildcard build/third_party/kissfft/kiss_fft.c)
CPPFLAGS += $(if $(KISS),-isystem $(patsubst %/,%,$(dir $(KISS))) -DSTY_KISS_SOURCE)
TEST_LDLIBS = $(shell $(PKG_CONFIG) --libs cmocka)

comma := ,
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-6s %s\n' $(1) $(2);)

# The kernels for sets of vector instructions that the compiler's target has not are left out.
TARGET := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine)))
KERNELS_x86_64 := avx2 avx512
KERNELS_aarch64 := neon
FOREIGN := $(filter-out $(KERNELS_$(TARGET)),avx2 avx512 neon)

LIB_SOURCES := $(filter-out $(addprefix %_,$(addsuffix .c,$(FOREIGN))),$(sort $(wildcard lib/*/*.c)))
CMD_SOURCES := $(sort $(wildcard cmd/*.c))
TEST_SOURCES := $(sort $(wildcard tests/unit/*/test_*.c))
TEST_HELPERS := $(sort $(wildcard tests/unit/*.c))
BENCH := $(BUILD)/bench
BENCH_SOURCES := $(sort $(wildcard tests/bench/*.c))
HEADERS := $(sort $(wildcard lib/*.h lib/*/*.h cmd/*.h tests/unit/*.h))
objects = $(patsubst %.c,$(BUILD)/%.o,$(1))

LIB := $(BUILD)/libstylet.a
SHARED := $(BUILD)/libstylet.so.0
PROGRAM := $(BUILD)/stylet
TEST_PROGRAMS := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(TEST_SOURCES))
TESTS = $(TEST_PROGRAMS) $(sort $(wildcard tests/*/test_*.py)) $(sort $(wildcard tests/cli/*.sh))

COMPLETIONS := bash-completion/completions/stylet zsh/site-functions/_stylet fish/vendor_completions.d/stylet.fish

.DELETE_ON_ERROR:
.PHONY: all lib stylet check test test-programs list-tests asan ubsan tsan valgrind bench bench-readme lint \
        hdr-check schema install uninstall clean list

## all: the program and the libraries
all: stylet lib

## lib: the static and the shared library
lib: $(LIB) $(SHARED)

## stylet: the program, build/stylet
stylet: $(PROGRAM)
	$(Q)ln -sf $(VARIANT)/stylet build/stylet

$(LIB): $(call objects,$(LIB_SOURCES))
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(SHARED): $(call objects,$(LIB_SOURCES))
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) -shared -Wl,-soname,libstylet.so.0 -Wl,--no-undefined $^ -o $@ $(LDLIBS)

$(PROGRAM): $(call objects,$(CMD_SOURCES)) $(LIB)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $^ -o $@ $(LDLIBS)

$(BUILD)/%.o: %.c Makefile
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

# What was there when these were compiled; compiled again when that changes.
$(BUILD)/kiss: FORCE
	$(Q)mkdir -p $(@D)
	$(Q)[ "$$(cat $@ 2>/dev/null)" = 'KISS=$(KISS)' ] || echo 'KISS=$(KISS)' > $@
	$(if $(KISS),,@echo '  NOTE   no KISS FFT source here (scripts/setup.sh fetches it): one frame at a time, slower')
$(call objects,$(filter lib/audio/stft%.c,$(LIB_SOURCES)) $(filter %/test_stft.c,$(TEST_SOURCES))): $(BUILD)/kiss
$(call objects,$(filter lib/audio/stft_%.c,$(LIB_SOURCES)) $(filter %/test_stft.c,$(TEST_SOURCES))): CFLAGS += -Wno-psabi
.PHONY: FORCE
FORCE:

# Variants of kernels get their instructions here and are chosen at run time.
$(call objects,$(filter %_avx2.c,$(LIB_SOURCES))): CFLAGS += -mavx2 -mfma
$(call objects,$(filter %_avx512.c,$(LIB_SOURCES))): CFLAGS += -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -mprefer-vector-width=512
# gcc copies structures in halves of a vector unless told; what reads them whole then waits.
ifneq ($(shell $(CC) -mmove-max=256 -E -xc /dev/null 2>/dev/null),)
$(call objects,$(filter lib/audio/stft_avx2.c,$(LIB_SOURCES))): CFLAGS += -mmove-max=256 -mstore-max=256
$(call objects,$(filter lib/audio/stft_avx512.c,$(LIB_SOURCES))): CFLAGS += -mmove-max=512 -mstore-max=512
endif

$(BUILD)/tests/%: $(BUILD)/tests/unit/%.o $(call objects,$(TEST_HELPERS)) $(LIB)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $^ -o $@ $(TEST_LDLIBS) $(LDLIBS)

$(call objects,$(TEST_SOURCES) $(TEST_HELPERS)): CPPFLAGS += -Itests/unit

-include $(patsubst %.o,%.d,$(call objects,$(LIB_SOURCES) $(CMD_SOURCES) $(TEST_SOURCES) $(TEST_HELPERS) $(BENCH_SOURCES) tests/bench/timed/timed.c))

## check: the quick tests (C, seconds)
check: test-programs
	$(Q)$(PYTHON) tests/run $(TEST_PROGRAMS)

## test: all tests
test: test-programs
	$(Q)$(PYTHON) tests/run $(TESTS)

test-programs: stylet $(TEST_PROGRAMS)

list-tests:
	@printf '%s\n' $(TESTS)

## asan ubsan tsan: all C tests, the command-line tests and corpus runs under a sanitizer
asan ubsan tsan:
	$(Q)$(MAKE) --no-print-directory VARIANT=$@ sanitized

.PHONY: sanitized
sanitized: test-programs
	$(Q)STYLET=$(CURDIR)/$(PROGRAM) $(PYTHON) tests/run -t 1800 $(TEST_PROGRAMS) \
	  $(sort $(filter-out %/test_slurm.py,$(wildcard tests/cli/test_*.py tests/bad/test_*.py tests/corpus/test_*.py)))

## valgrind: the C tests under memcheck
valgrind: test-programs
	$(Q)$(PYTHON) tests/run -t 1800 -w 'valgrind -q --error-exitcode=9 --leak-check=full --suppressions=tests/valgrind.supp' $(TEST_PROGRAMS)

# For aarch64 on another machine, with the libraries that scripts/setup.sh dev unpacked. A native build there is plain make;
# a cross build with other libraries takes the same three variables.
ARM64 := $(CURDIR)/build/third_party/arm64
ARM64_CC := aarch64-linux-gnu-gcc --sysroot=$(ARM64)
ARM64_PKG_CONFIG := env PKG_CONFIG_SYSROOT_DIR=$(ARM64) PKG_CONFIG_LIBDIR=$(subst : ,:,$(addprefix \
  $(ARM64)/usr/,lib/aarch64-linux-gnu/pkgconfig: lib/aarch64-linux-gnu/openblas-pthread/pkgconfig)) pkg-config
ARM64_MAKE = $(MAKE) --no-print-directory VARIANT=arm64 CC='$(ARM64_CC)' PKG_CONFIG='$(ARM64_PKG_CONFIG)'
QEMU := qemu-aarch64 -L $(ARM64)
KERNEL_TESTS = $(filter $(BUILD)/tests/math/% %/test_stft,$(TEST_PROGRAMS))
EMULATED = $(TEST_PROGRAMS) tests/parity/test_paths.py tests/parity/test_default_model.py tests/parity/test_layers.py \
  tests/parity/test_gst_tacotron.py tests/mel/test_golden.py

## arm64: the program for aarch64 and the tests of its kernels
arm64:
	+$(Q)$(ARM64_MAKE) to-emulate EMULATED='$$(KERNEL_TESTS)'

## check-arm64: all C tests and parity for aarch64, by an emulator (a quarter of an hour; EMULATED= names fewer)
check-arm64:
	+$(Q)$(ARM64_MAKE) emulated

.PHONY: arm64 check-arm64 to-emulate emulated
to-emulate: $(PROGRAM) $(filter $(BUILD)/%,$(EMULATED))

emulated: to-emulate
	$(Q)printf '#!/bin/sh\nexec $(QEMU) $(CURDIR)/$(PROGRAM) "$$@"\n' > $(BUILD)/stylet-emulated && chmod +x $(BUILD)/stylet-emulated
	$(Q)STYLET=$(CURDIR)/$(BUILD)/stylet-emulated $(PYTHON) tests/run -t 1800 -w '$(QEMU)' $(EMULATED)

## bench: every promised speed on this machine (BENCH_ARGS=--short leaves the long clips out)
bench: $(BENCH)/bench $(BENCH)/empty $(BENCH)/timed $(BENCH)/gst/manifest.json stylet
	$(Q)$(PYTHON) scripts/bench.py $(BENCH) $(PROGRAM) $(BENCH_ARGS)

## bench-readme: the same, into tests/bench/README.md
bench-readme:
	$(Q)$(MAKE) --no-print-directory bench BENCH_ARGS='$(BENCH_ARGS) --readme tests/bench/README.md'

$(BENCH)/bench: $(call objects,$(BENCH_SOURCES)) $(LIB)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $^ -o $@ $(LDLIBS)

$(BENCH)/empty: $(call objects,tests/bench/empty/empty.c)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -Wl,--no-as-needed $^ -o $@ $(LDLIBS)

$(BENCH)/timed: $(call objects,tests/bench/timed/timed.c $(CMD_SOURCES)) $(LIB)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(addprefix -Wl$(comma)--wrap=,sty_file_open sty_clip_read_fd sty_session_run_clip close) $^ -o $@ $(LDLIBS)

$(BENCH)/gst/manifest.json: tests/bench/make_gst.py
	$(Q)mkdir -p $(BENCH)
	$(Q)$(PYTHON) $< $(@D) > /dev/null

## lint: floors, includes, shell scripts
lint: hdr-check
	$(Q)$(PYTHON) tests/lint.py

## hdr-check: every header compiles on its own
hdr-check:
	$(Q)for h in $(HEADERS); do \
	  printf '#include "%s"\n' $$h | $(CC) $(CPPFLAGS) -Itests/unit -I. -std=c11 $(WARNINGS) -Wno-unused \
	    -fsyntax-only -xc - || exit 1; done

## schema: models/manifest.schema.json from the tables in the code
schema: stylet
	$(Q)build/stylet model schema > models/manifest.schema.json.new
	$(Q)mv models/manifest.schema.json.new models/manifest.schema.json

## install: program, libraries, header, shipped model, man pages, completions (PREFIX, DESTDIR)
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/include \
	  $(DESTDIR)$(PREFIX)/share/stylet/models/default $(DESTDIR)$(PREFIX)/share/stylet/models/syllables
	install $(PROGRAM) $(DESTDIR)$(PREFIX)/bin/stylet
	install -m 644 lib/stylet.h $(DESTDIR)$(PREFIX)/include/stylet.h
	install -m 644 $(LIB) $(DESTDIR)$(PREFIX)/lib/libstylet.a
	install $(SHARED) $(DESTDIR)$(PREFIX)/lib/libstylet.so.0
	ln -sf libstylet.so.0 $(DESTDIR)$(PREFIX)/lib/libstylet.so
	printf 'prefix=%s\nlibdir=$${prefix}/lib\nincludedir=$${prefix}/include\n\nName: stylet\nDescription: speech to style vectors\nVersion: %s\nLibs: -L$${libdir} -lstylet\nLibs.private: %s\nCflags: -I$${includedir}\n' \
	  '$(PREFIX)' '$(VERSION)' '$(strip $(shell $(PKG_CONFIG) --libs $(PACKAGES)) -lm -lpthread -ldl)' > $(DESTDIR)$(PREFIX)/lib/pkgconfig/stylet.pc
	install -m 644 $(wildcard models/default/*) $(DESTDIR)$(PREFIX)/share/stylet/models/default/
	install -m 644 $(wildcard models/syllables/*) $(DESTDIR)$(PREFIX)/share/stylet/models/syllables/
	install -m 644 models/voices.tsv $(DESTDIR)$(PREFIX)/share/stylet/models/voices.tsv
	install -d $(DESTDIR)$(PREFIX)/share/man/man1 $(foreach c,$(COMPLETIONS),$(dir $(DESTDIR)$(PREFIX)/share/$(c)))
	$(PROGRAM) manual --to $(DESTDIR)$(PREFIX)/share/man/man1
	$(PROGRAM) completions bash > $(DESTDIR)$(PREFIX)/share/bash-completion/completions/stylet
	$(PROGRAM) completions zsh > $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_stylet
	$(PROGRAM) completions fish > $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/stylet.fish

## uninstall: takes away what install brought
uninstall:
	rm -rf $(DESTDIR)$(PREFIX)/share/stylet $(DESTDIR)$(PREFIX)/bin/stylet $(DESTDIR)$(PREFIX)/include/stylet.h \
	  $(DESTDIR)$(PREFIX)/lib/libstylet.a $(DESTDIR)$(PREFIX)/lib/libstylet.so $(DESTDIR)$(PREFIX)/lib/libstylet.so.0 \
	  $(DESTDIR)$(PREFIX)/lib/pkgconfig/stylet.pc $(DESTDIR)$(PREFIX)/share/man/man1/stylet.1 \
	  $(DESTDIR)$(PREFIX)/share/man/man1/stylet-*.1 $(addprefix $(DESTDIR)$(PREFIX)/share/,$(COMPLETIONS))

## clean: takes away everything built
clean:
	rm -rf $(filter-out build/third_party,$(wildcard build/*)) # what set-up fetched stays

## list: this list
list:
	@sed -n 's/^## //p' Makefile
