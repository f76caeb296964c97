# Unit tests of lib/pack, and of the store on the host that is made of it.
PACK_TEST_SUPPORT := tests/unit/pack/tree.c tests/unit/wire/support.c
PACK_TESTS := pack hostile left places session store store_kill
PACK_TEST_SOURCES_session := tests/unit/pack/world.c init/agent-data/lay.c init/agent-data/pack.c
PACK_TEST_SOURCES_left := $(PACK_TEST_SOURCES_session)

$(foreach name,$(PACK_TESTS),$(eval $(call unit_test,pack_$(name),tests/unit/pack/test_$(name).c $(PACK_TEST_SUPPORT) $(PACK_TEST_SOURCES_$(name)),$(LIBHOST) $(LIBPACK) $(LIBWIRE) $(LIBBASE),$(WIRE_LIBRARIES) $(PACK_LIBRARIES))))
$(BUILD)/tests/unit/pack_store: | $(HOST_LIBEXEC)/coding-agents-data
