# Unit tests of host-shim/broker. Those of approvals, execs, keeper and peers run the keeper itself.
BROKER_TESTS := admission approvals asks cause execs keeper peers

$(foreach name,$(BROKER_TESTS),$(eval $(call unit_test,broker_$(name),tests/unit/broker/test_$(name).c tests/unit/broker/fixture.c tests/unit/wire/support.c,$(BUILD)/glibc/libbroker.a $(LIBHOST) $(LIBWIRE) $(LIBBASE),$(WIRE_LIBRARIES))))
$(BUILD)/tests/unit/broker_approvals $(BUILD)/tests/unit/broker_execs $(BUILD)/tests/unit/broker_keeper $(BUILD)/tests/unit/broker_peers: | $(HOST_LIBEXEC)/coding-agents-keeper
