# Tests of the shipped policies against what is expected of them, written down on its own, and what mutate-policy is made of.
POLICY_TESTS_PLACE := tests/unit/policies
FILTER_TEST_SUPPORT := $(addprefix $(POLICY_TESTS_PLACE)/,bpf_judge.c expected_calls.c expected_runner.c)
POLICY_MUTANTS := filter container table direct

# $(call policy_mutants,NAME,SOURCES,ARCHIVES,LIBRARIES): test_NAME_mutants.c, with what it needs besides.
policy_mutants = $(call unit_test,policies_$(1)_mutants,\
	$(addprefix $(POLICY_TESTS_PLACE)/,test_$(1)_mutants.c mutants.c) $(2),$(3),$(4))

$(eval $(call unit_test,policies_container_profile,\
	$(addprefix $(POLICY_TESTS_PLACE)/,test_container_profile.c container_profile.c),,-ljansson -lseccomp))
$(eval $(call policy_mutants,container,$(POLICY_TESTS_PLACE)/container_profile.c $(FILTER_TEST_SUPPORT),$(LIBBASE),-ljansson -lseccomp))
$(eval $(call policy_mutants,filter,\
	$(FILTER_TEST_SUPPORT) $(filter-out %/main.c,$(SECCOMP_COMPILE_SOURCES)),$(LIBBASE),-ljansson -lseccomp))
# The archive of host-shim/collect is built by its own rules.
$(eval $(call policy_mutants,table,init/agent-commit/credential_patterns.c,\
	$(BUILD)/glibc/libcollect.a $(LIBHOST) $(LIBWIRE) $(LIBBASE),$(WIRE_LIBRARIES)))
$(eval $(call policy_mutants,direct,sandbox/exec-trap/direct_match.c sandbox/agent-task-sandbox/code_variables.c,\
	$(LIBPOLICY) $(LIBWIRE) $(LIBBASE),$(POLICY_LIBRARIES)))

MUTANT_TESTS := $(POLICY_MUTANTS:%=$(BUILD)/tests/unit/policies_%_mutants) $(BUILD)/tests/unit/policy_mutations
.PHONY: mutate-policy
mutate-policy: $(MUTANT_TESTS) ## take each guard of the policies away: a test must notice
	@tests/run-unit $(MUTANT_TESTS)
	@SOAK=1 tests/vm/run mutants
