# Unit tests of the launcher.
LAUNCH_TESTS := argv options plan
LAUNCH_TEST_SUPPORT := tests/unit/launch/command_line.c tests/unit/host/support.c

$(foreach name,$(LAUNCH_TESTS),$(eval $(call unit_test,launch_$(name),tests/unit/launch/test_$(name).c $(LAUNCH_TEST_SUPPORT),$(LAUNCH_PARTS) $(LIBHOST) $(LIBWIRE) $(LIBBASE),$(WIRE_LIBRARIES))))
