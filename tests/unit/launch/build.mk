# Unit tests of the launcher and of what it shares.
LAUNCH_TESTS := argv options url branch repository policy git plan

$(foreach name,$(LAUNCH_TESTS),$(eval $(call unit_test,launch_$(name),tests/unit/launch/test_$(name).c tests/unit/launch/support.c,$(LAUNCH_PARTS) $(LIBHOST) $(LIBWIRE) $(LIBBASE),$(WIRE_LIBRARIES))))
