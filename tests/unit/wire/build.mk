# Unit tests of lib/wire.
WIRE_TEST_SUPPORT = tests/unit/wire/support.c
WIRE_TESTS := agent_config capability manifest session git_config audit audit_end audit_log channel exec_record schema documents variables recorded_program record_text

$(foreach name,$(WIRE_TESTS),$(eval $(call unit_test,wire_$(name),tests/unit/wire/test_$(name).c $(WIRE_TEST_SUPPORT) \
	$(if $(filter audit%,$(name)),tests/unit/wire/audit_support.c),$(LIBWIRE) $(LIBBASE),$(WIRE_LIBRARIES))))
