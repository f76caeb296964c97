# The torture of inits: the harness, the actors it lets them run, what holds a boot still, what cuts a runner short.
TORTURE_ACTOR := $(sort $(wildcard tests/torture/actor*.c))
TORTURE_HARNESS := $(filter-out $(TORTURE_ACTOR) tests/torture/hold.c tests/torture/cut_notification.c,$(sort $(wildcard tests/torture/*.c)))
$(eval $(call static_program,$(BUILD)/tests/torture/actor,$(TORTURE_ACTOR)))
$(eval $(call dynamic_program,$(BUILD)/tests/torture/torture,$(TORTURE_HARNESS),$(LIBBASE),-lutil))
$(eval $(call dynamic_program,$(BUILD)/tests/torture/hold,tests/torture/hold.c,,))
$(eval $(call dynamic_program,$(BUILD)/tests/torture/cut_notification,tests/torture/cut_notification.c,,))
