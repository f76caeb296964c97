# Tests of the shipped policies against what is expected of them, and what mutate-policy is made of.
FILTER_TEST_SUPPORT := $(addprefix tests/unit/policies/,bpf_judge.c expected_calls.c)

$(eval $(call unit_test,policies_container_profile,\
	$(addprefix tests/unit/policies/,test_container_profile.c container_profile.c),,-ljansson -lseccomp))
$(eval $(call unit_test,policies_filter_mutants,\
	$(addprefix tests/unit/policies/,test_filter_mutants.c container_profile.c) $(FILTER_TEST_SUPPORT) \
	$(filter-out %/main.c,$(SECCOMP_COMPILE_SOURCES)),$(LIBBASE),-ljansson -lseccomp))
# Policies that are tables. The archive of host-shim/collect is built by its own rules.
$(eval $(call unit_test,policies_table_mutants,\
	tests/unit/policies/test_table_mutants.c init/agent-commit/credential_patterns.c,\
	$(BUILD)/glibc/libcollect.a $(LIBHOST) $(LIBWIRE) $(LIBBASE),$(WIRE_LIBRARIES)))
$(eval $(call unit_test,policies_direct_mutants,\
	tests/unit/policies/test_direct_mutants.c sandbox/exec-trap/direct_match.c,\
	$(LIBPOLICY) $(LIBWIRE) $(LIBBASE),$(POLICY_LIBRARIES)))
