# Unit tests of host-shim/broker. The last one runs the keeper itself.
BROKER_TESTS := admission cause keeper

$(foreach name,$(BROKER_TESTS),$(eval $(call unit_test,broker_$(name),tests/unit/broker/test_$(name).c tests/unit/wire/support.c,$(BUILD)/glibc/libbroker.a $(BUILD)/glibc/liblaunch.a $(LIBWIRE) $(LIBBASE),$(WIRE_LIBRARIES))))
$(BUILD)/tests/unit/broker_keeper: | $(HOST_LIBEXEC)/coding-agents-keeper
