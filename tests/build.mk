# Tests: one cmocka binary per file under tests/unit, bats under tests/integration, and what runs them.
UNIT_TESTS :=
# 1 turns every skip into a failure, for machines that are meant to run everything.
export MUST_WORK ?= 0

# $(call unit_test,NAME,SOURCES,ARCHIVES,LIBRARIES): a cmocka program at $(BUILD)/tests/unit/NAME, run by `make check`.
define unit_test
UNIT_TESTS += $(BUILD)/tests/unit/$(1)
OBJECTS += $(call glibc_objects,$(2))
$(BUILD)/tests/unit/$(1): $(call glibc_objects,$(2)) $(3)
	@mkdir -p $$(@D)
	$$(call say,LINK)$(CC) $(GLIBC_LDFLAGS) -o $$@ $(call glibc_objects,$(2)) $(3) $(4) -lcmocka
endef

# $(call test_program,PATH,SOURCES,ARCHIVES,LIBRARIES): a program that tests run; it never ships.
define test_program
TEST_PROGRAMS += $(1)
OBJECTS += $(call glibc_objects,$(2))
$(1): $(call glibc_objects,$(2)) $(3)
	@mkdir -p $$(@D)
	$$(call say,LINK)$(CC) $(GLIBC_LDFLAGS) -o $$@ $(call glibc_objects,$(2)) $(3) $(4)
endef

include $(sort $(wildcard tests/*/build.mk tests/unit/*/build.mk))

# The engine of the workspace copy as a command, for its tests and benchmarks. It never ships.
COPY_TREE := $(BUILD)/tests/copy-tree
$(eval $(call test_program,$(COPY_TREE),tests/copy/copy-tree.c $(BOOT_COPY),$(LIBBASE)))

# Programs that tests put into a container by a bind mount. They never ship.
$(foreach helper,$(patsubst tests/helpers/%.c,%,$(wildcard tests/helpers/*.c)),\
	$(eval $(call static_program,$(BUILD)/tests/helpers/$(helper),tests/helpers/$(helper).c)))

check: $(UNIT_TESTS) $(TEST_PROGRAMS) $(PROGRAMS) $(DATA_FILES)
	@tests/run-unit $(UNIT_TESTS)

.PHONY: check-arm64
check-arm64: ## unit tests and those of tests/vm on arm64, emulated
	@images/install-packages build vm arm64
	@tests/vm/run --arch arm64 all

include tests/lint/lint.mk
