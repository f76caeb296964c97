# Unit tests of host-shim/broker and of what finds logins. Those of the broker run the broker itself.
BROKER_TESTS := attacks broker grant journal login login_renewal named_secrets prepare renewal sidecar uid_map writer
# What one of them is made of besides.
BROKER_TEST_SOURCES_prepare := stubs/capability-unseal/prepare.c
BROKER_TEST_SOURCES_journal := tests/unit/broker/power_cut.c tests/fault/tracee.c tests/fault/cell.c

$(foreach name,$(BROKER_TESTS),$(eval $(call unit_test,broker_$(name),tests/unit/broker/test_$(name).c tests/unit/broker/stage.c tests/unit/broker/sidecar.c tests/unit/broker/lease.c tests/attack/linger.c tests/unit/wire/support.c $(BROKER_TEST_SOURCES_$(name)),$(LIBHOST) $(LIBWIRE) $(LIBBASE),$(WIRE_LIBRARIES) -lpthread)))
$(BROKER_TESTS:%=$(BUILD)/tests/unit/broker_%): | $(HOST_LIBEXEC)/coding-agents-broker $(BROKER_FILTER)
# What redeems in a container is run here as well.
$(BUILD)/tests/unit/broker_grant: | $(CONTAINER_BIN)/capability-unseal
