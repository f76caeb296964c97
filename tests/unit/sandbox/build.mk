# Tests of sandbox/: parsers on bytes, and the shipped filter on the running kernel.
NESTED_TEST_SOURCES := $(addprefix sandbox/agent-task-sandbox/,asked.c denial.c foreign.c nested.c path_walk.c) sandbox/exec-trap/path_text.c
SANDBOX_TEST_COMPILER := $(filter-out %/main.c,$(SECCOMP_COMPILE_SOURCES))

$(eval $(call unit_test,sandbox_attach,tests/unit/sandbox/test_attach.c $(ATTACH_SOURCES),$(LIBBASE),))
$(eval $(call unit_test,sandbox_confine,tests/unit/sandbox/test_confine.c \
	$(CONFINE_SOURCES),$(LIBBASE),$(CONFINE_LIBRARIES)))
$(eval $(call unit_test,sandbox_agents,tests/unit/sandbox/test_agents.c \
	sandbox/agentcli-exec/agents.c sandbox/agentcli-exec/options.c sandbox/confine/environment.c,$(LIBBASE),))
$(eval $(call unit_test,sandbox_seccomp_compile,tests/unit/sandbox/test_seccomp_compile.c \
	$(SANDBOX_TEST_COMPILER),$(LIBBASE),-lseccomp -ljansson))
$(foreach name,command runner,$(eval $(call unit_test,sandbox_$(name)_filter,\
	tests/unit/sandbox/test_$(name)_filter.c tests/unit/sandbox/filter_probe.c $(FILTER_TEST_SUPPORT),$(LIBBASE),-lseccomp)))
$(BUILD)/tests/unit/sandbox_command_filter $(BUILD)/tests/unit/sandbox_runner_filter: | \
	$(SECCOMP_FILTERS) $(SANDBOX_FILTERS)
$(eval $(call unit_test,sandbox_task_block,tests/unit/sandbox/test_task_block.c $(TASK_CLIENT_SOURCES),$(LIBBASE),))
$(eval $(call unit_test,sandbox_task_session,\
	tests/unit/sandbox/test_task_session.c tests/unit/sandbox/task_stage.c $(TASK_CLIENT_SOURCES),$(LIBBASE),))
$(eval $(call unit_test,sandbox_exec_trap,tests/unit/sandbox/test_exec_trap.c \
	sandbox/agent-task-sandbox/code_variables.c $(EXEC_TRAP_SOURCES),$(LIBBASE),))
$(eval $(call unit_test,sandbox_trap_events,tests/unit/sandbox/test_trap_events.c $(EXEC_TRAP_SOURCES),$(LIBBASE),))
$(eval $(call unit_test,sandbox_registers,tests/unit/sandbox/test_registers.c $(EXEC_TRAP_SOURCES),$(LIBBASE),))
$(eval $(call unit_test,sandbox_task_request,tests/unit/sandbox/test_task_request.c \
	$(addprefix sandbox/agent-task-sandbox/,block.c variables.c),$(LIBPOLICY) $(LIBBASE),$(POLICY_LIBRARIES)))
$(eval $(call unit_test,sandbox_task_parts,tests/unit/sandbox/test_task_parts.c \
	$(addprefix sandbox/agent-task-sandbox/,fixed.c foreign.c masks.c path_walk.c streams.c target.c) sandbox/confine/program.c,\
	$(LIBWIRE) $(LIBBASE),-lsodium))
$(eval $(call unit_test,sandbox_fixed,tests/unit/sandbox/test_fixed.c \
	$(addprefix sandbox/agent-task-sandbox/,fixed.c path_walk.c target.c) sandbox/confine/program.c,$(LIBWIRE) $(LIBBASE),-lsodium))
$(eval $(call unit_test,sandbox_nested,tests/unit/sandbox/test_nested.c \
	$(NESTED_TEST_SOURCES),$(LIBPOLICY) $(LIBBASE),$(POLICY_LIBRARIES)))
$(eval $(call unit_test,sandbox_asked,tests/unit/sandbox/test_asked.c tests/unit/sandbox/hidden_calls.c \
	$(NESTED_TEST_SOURCES),$(LIBPOLICY) $(LIBWIRE) $(LIBBASE),$(POLICY_LIBRARIES)))
$(eval $(call unit_test,sandbox_digests,tests/unit/sandbox/test_digests.c \
	$(addprefix sandbox/agent-task-sandbox/,digests.c fixed.c path_walk.c recorded.c target.c) sandbox/confine/program.c,\
	$(LIBWIRE) $(LIBBASE),-lsodium))
$(eval $(call unit_test,sandbox_files,tests/unit/sandbox/test_files.c tests/unit/sandbox/file_probe.c \
	sandbox/agent-task-sandbox/files.c sandbox/agentcli-exec/trap.c $(CONFINE_SOURCES) $(TASK_CLIENT_SOURCES),$(LIBBASE),$(CONFINE_LIBRARIES)))
