# Unit tests of PID 1's pure parts, of the loop it stands on, and the fixture its end-to-end tests boot.
INIT_RULES := init/machine/machine.c init/machine/service.c

$(eval $(call unit_test,init_machine,tests/unit/init/test_machine.c init/machine/machine.c init/machine/names.c,$(LIBBASE),))
$(eval $(call unit_test,init_manual,tests/unit/init/test_manual.c init/machine/machine.c init/machine/names.c,$(LIBBASE),))
$(eval $(call unit_test,init_service,tests/unit/init/test_service.c $(INIT_RULES),$(LIBBASE),))
# PID 1's own code over a fake kernel; model_tables.c brings the tables. Its mutants are a program of their own.
INIT_DRIVERS := $(addprefix init/agent-init/,events.c notice.c program.c reap.c session.c supervisor.c)
INIT_MODEL := $(sort $(wildcard tests/unit/init/model*.c)) $(INIT_DRIVERS) init/machine/service.c
$(eval $(call unit_test,init_model,$(INIT_MODEL) tests/unit/init/test_model.c,$(LIBBASE),))
$(eval $(call unit_test,init_mutants,$(INIT_MODEL) init/machine/names.c tests/unit/init/test_mutants.c,$(LIBBASE),))
$(eval $(call unit_test,init_event_loop,tests/unit/init/test_event_loop.c tests/attack/linger.c,$(LIBBASE),))
$(eval $(call static_program,$(BUILD)/tests/fixtures/fixture_boot,tests/integration/fixtures/init/fixture_boot.c))
