# The torture of inits: the harness, the actors it lets them run, and what holds a boot still.
TORTURE_ACTOR := $(filter tests/torture/actor%,$(wildcard tests/torture/*.c))
TORTURE_HARNESS := $(filter-out $(TORTURE_ACTOR),$(sort $(wildcard tests/torture/*.c)))
$(eval $(call static_program,$(BUILD)/tests/torture/actor,$(TORTURE_ACTOR)))
$(eval $(call dynamic_program,$(BUILD)/tests/torture/torture,$(TORTURE_HARNESS),$(LIBBASE),-lutil))
