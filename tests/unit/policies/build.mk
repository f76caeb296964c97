# Tests of the policies that are seccomp filters, against what is expected of them.
FILTER_TEST_SUPPORT := $(addprefix tests/unit/policies/,bpf_judge.c expected_calls.c)

$(eval $(call unit_test,policies_container_profile,\
	$(addprefix tests/unit/policies/,test_container_profile.c container_profile.c),,-ljansson -lseccomp))
$(eval $(call unit_test,policies_filter_mutants,\
	$(addprefix tests/unit/policies/,test_filter_mutants.c container_profile.c) $(FILTER_TEST_SUPPORT) \
	$(filter-out %/main.c,$(SECCOMP_COMPILE_SOURCES)),$(LIBBASE),-ljansson -lseccomp))
