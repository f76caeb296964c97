# What runs in the guest of tests/vm: static programs, each of one file, and what an image holds.
VM_PROGRAMS := $(patsubst tests/vm/%.c,$(BUILD)/tests/vm/%,$(wildcard tests/vm/*.c))
$(foreach program,$(VM_PROGRAMS),\
	$(eval $(call static_program,$(program),$(patsubst $(BUILD)/%,%.c,$(program)))))

.PHONY: vm-guest
vm-guest: image-tree $(VM_PROGRAMS) $(BUILD)/tests/fixtures/fixture_boot
