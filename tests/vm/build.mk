# What runs in the guests of tests/vm: programs of one file each, and what an image holds. Static ones, but for the one that
# needs libapparmor.
VM_PROGRAMS := $(patsubst tests/vm/%.c,$(BUILD)/tests/vm/%,$(wildcard tests/vm/*.c))
$(foreach program,$(filter-out %/stacked,$(VM_PROGRAMS)),\
	$(eval $(call static_program,$(program),$(patsubst $(BUILD)/%,%.c,$(program)))))
$(eval $(call dynamic_program,$(BUILD)/tests/vm/stacked,\
	tests/vm/stacked.c sandbox/confine/apparmor.c,$(LIBBASE),-lapparmor))

.PHONY: vm-guest
vm-guest: $(PROGRAMS) $(DATA_FILES) $(UNIT_TESTS) $(VM_PROGRAMS) $(BUILD)/tests/attack/trap $(BUILD)/tests/fixtures/fixture_boot
