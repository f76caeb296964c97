# Unit tests of host-shim/collect.
COLLECT_TEST_ARCHIVES := $(BUILD)/glibc/libcollect.a $(LIBHOST) $(LIBWIRE) $(LIBBASE)
$(eval $(call unit_test,test_auto_exec,tests/unit/collect/test_auto_exec.c,$(COLLECT_TEST_ARCHIVES),$(WIRE_LIBRARIES)))
$(eval $(call unit_test,test_collected_changes,tests/unit/collect/test_collected_changes.c,$(COLLECT_TEST_ARCHIVES),$(WIRE_LIBRARIES)))
