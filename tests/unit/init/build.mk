# Unit tests of PID 1's pure parts, of the loop it stands on, and the fixture its end-to-end tests boot.
INIT_RULES := init/machine/machine.c init/machine/service.c

$(eval $(call unit_test,init_machine,tests/unit/init/test_machine.c init/machine/machine.c init/machine/names.c,$(LIBBASE),))
$(eval $(call unit_test,init_service,tests/unit/init/test_service.c $(INIT_RULES),$(LIBBASE),))
$(eval $(call unit_test,init_event_loop,tests/unit/init/test_event_loop.c,$(LIBBASE),))
$(eval $(call static_program,$(BUILD)/tests/fixtures/fixture_boot,tests/integration/fixtures/init/fixture_boot.c))
