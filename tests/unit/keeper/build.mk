# Unit tests of host-shim/keeper. Those of approvals, data, execs, keeper and peers run the keeper itself.
KEEPER_TESTS := admission approvals asks cause data execs keeper peers

$(foreach name,$(KEEPER_TESTS),$(eval $(call unit_test,keeper_$(name),tests/unit/keeper/test_$(name).c tests/unit/keeper/fixture.c tests/attack/linger.c tests/unit/wire/support.c,$(BUILD)/glibc/libkeeper.a $(LIBHOST) $(LIBPACK) $(LIBWIRE) $(LIBBASE),$(WIRE_LIBRARIES))))
$(BUILD)/tests/unit/keeper_approvals $(BUILD)/tests/unit/keeper_data $(BUILD)/tests/unit/keeper_execs $(BUILD)/tests/unit/keeper_keeper $(BUILD)/tests/unit/keeper_peers: | $(HOST_LIBEXEC)/coding-agents-keeper
$(BUILD)/tests/unit/keeper_data: | $(HOST_LIBEXEC)/coding-agents-data $(HOST_SHARE)/seccomp/data.bpf
