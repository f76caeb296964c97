# Unit tests of lib/wire.
WIRE_TEST_SUPPORT = tests/unit/wire/support.c
WIRE_TESTS := agent_config manifest session git_config audit audit_log channel exec_record schema documents variables

$(foreach name,$(WIRE_TESTS),$(eval $(call unit_test,wire_$(name),tests/unit/wire/test_$(name).c $(WIRE_TEST_SUPPORT),$(LIBWIRE) $(LIBBASE),$(WIRE_LIBRARIES))))
