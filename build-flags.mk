# Compilers, flags and the two functions with which a build.mk declares what it builds.
CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif
MUSL_CC ?= musl-gcc
# For a machine of another kind, as tests/arm64/make sets them: the root it is linked against, and what runs its programs here.
SYSROOT ?=
EMULATOR ?=
MULTIARCH := $(shell $(CC) -print-multiarch)

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wcast-qual -Wcast-align=strict \
	-Wformat=2 -Wundef -Wvla -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
	-Wpointer-arith -Wwrite-strings -Wswitch-enum -Wnull-dereference -Wdouble-promotion \
	-Wduplicated-cond -Wduplicated-branches -Wlogical-op -Walloca
# WERROR= turns warnings into warnings again, for a compiler newer than the one we know.
WERROR ?= -Werror

# Programs carry no path of the machine they were built on and no time: two builds are byte-identical.
REPRODUCIBLE := -ffile-prefix-map=$(CURDIR)=. -frandom-seed=coding-agents
export SOURCE_DATE_EPOCH ?= 1735689600

# gcc 12.2 takes an address that its loop optimiser made out of integers for NULL, ends the function there, and drops calls of
# it: seen on arm64. -Wnull-dereference needs what this takes away; tests/lint/check-analyzer gives it back.
NO_NULL_GUESSES := -fno-delete-null-pointer-checks

INCLUDES := -I.
COMMON_CFLAGS := -std=gnu11 -O2 -g0 $(WARNINGS) $(WERROR) $(REPRODUCIBLE) -D_GNU_SOURCE \
	-DCODING_AGENTS_VERSION='"$(VERSION)"' -include lib/base/banned.h \
	-fstack-protector-strong -fstack-clash-protection -ftrivial-auto-var-init=zero \
	-ffunction-sections -fdata-sections -fno-strict-aliasing $(NO_NULL_GUESSES)

ARCHITECTURE := $(firstword $(subst -, ,$(MULTIARCH)))
ifeq ($(ARCHITECTURE),x86_64)
BRANCH_PROTECTION := -fcf-protection=full
else ifeq ($(ARCHITECTURE),aarch64)
BRANCH_PROTECTION := -mbranch-protection=standard
endif

GLIBC_CFLAGS := $(COMMON_CFLAGS) -fPIE -D_FORTIFY_SOURCE=3 $(BRANCH_PROTECTION)
GLIBC_LDFLAGS := -pie -Wl,-z,relro,-z,now,-z,noexecstack,--gc-sections,--as-needed,--build-id=none
# musl has neither FORTIFY nor CET; its -static-pie yields a dynamic PIE with this compiler, hence -static.
MUSL_CFLAGS := $(COMMON_CFLAGS) -fno-pie -idirafter $(SYSROOT)/usr/include \
	-idirafter $(SYSROOT)/usr/include/$(MULTIARCH)
MUSL_LDFLAGS := -static -no-pie -s -Wl,-z,relro,-z,now,-z,noexecstack,--gc-sections,--build-id=none

PROGRAMS :=
DATA_FILES :=
STATIC_PROGRAMS :=
OBJECTS :=

# One short line a step; V=1 shows the commands.
say = $(if $(V),,@printf '  %-5s %s\n' $(1) $(patsubst $(BUILD)/%,%,$@);)

glibc_objects = $(patsubst %.c,$(BUILD)/glibc/%.o,$(1))
musl_objects = $(patsubst %.c,$(BUILD)/musl/%.o,$(1))

# $(call dynamic_program,PATH,SOURCES,ARCHIVES,LIBRARIES): a hardened glibc PIE at PATH.
define dynamic_program
PROGRAMS += $(1)
OBJECTS += $(call glibc_objects,$(2))
$(1): $(call glibc_objects,$(2)) $(3)
	@mkdir -p $$(@D)
	$$(call say,LINK)$(CC) $(GLIBC_LDFLAGS) -o $$@ $(call glibc_objects,$(2)) $(3) $(4)
endef

# $(call whole_program,PATH,SOURCES,ARCHIVES,LIBRARIES): the same with all libraries inside. For a program whose processes
# are forked all the time: a fork copies, and its end frees, the mappings of every shared library.
define whole_program
PROGRAMS += $(1)
OBJECTS += $(call glibc_objects,$(2))
$(1): $(call glibc_objects,$(2)) $(3)
	@mkdir -p $$(@D)
	$$(call say,LINK)$(CC) -static-pie $(filter-out -pie,$(GLIBC_LDFLAGS)) -o $$@ $(call glibc_objects,$(2)) $(3) $(4)
endef

# $(call static_program,PATH,SOURCES): a static musl program at PATH, with the floor 0 archive.
define static_program
PROGRAMS += $(1)
STATIC_PROGRAMS += $(1)
OBJECTS += $(call musl_objects,$(2))
$(1): $(call musl_objects,$(2)) $(BUILD)/musl/libbase.a
	@mkdir -p $$(@D)
	$$(call say,LINK)$(MUSL_CC) $(MUSL_LDFLAGS) -o $$@ $(call musl_objects,$(2)) $(BUILD)/musl/libbase.a
endef

# A change of flags or version rebuilds everything.
$(BUILD)/glibc/%.o: %.c build-flags.mk VERSION
	@mkdir -p $(@D)
	$(call say,CC)$(CC) $(GLIBC_CFLAGS) $(INCLUDES) -MMD -MP -c -o $@ $<

$(BUILD)/musl/%.o: %.c build-flags.mk VERSION
	@mkdir -p $(@D)
	$(call say,MUSL)$(MUSL_CC) $(MUSL_CFLAGS) $(INCLUDES) -MMD -MP -c -o $@ $<
