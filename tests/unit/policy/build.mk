# Unit tests of lib/policy.
POLICY_TEST_SUPPORT = tests/unit/policy/support.c
POLICY_TESTS := glob load malformed schema judge unread asks verdicts mutations

$(foreach name,$(POLICY_TESTS),$(eval $(call unit_test,policy_$(name),tests/unit/policy/test_$(name).c $(POLICY_TEST_SUPPORT),$(LIBPOLICY) $(LIBWIRE) $(LIBBASE),$(POLICY_LIBRARIES))))
