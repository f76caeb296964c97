# The compiler of seccomp filters runs at build time and ships nowhere; what it makes goes into images.
SECCOMP_COMPILE := $(BUILD)/tools/agent-seccomp-compile
SECCOMP_COMPILE_SOURCES := $(sort $(wildcard sandbox/agent-seccomp-compile/*.c))
COMMAND_FILTER := $(IMAGE)/etc/coding-agents/seccomp/command.bpf
AGENTCLI_FILTER := $(IMAGE)/etc/coding-agents/seccomp/agentcli.bpf
RUNNER_FILTER := $(IMAGE)/etc/coding-agents/seccomp/runner.bpf
SECCOMP_FILTERS := $(COMMAND_FILTER) $(AGENTCLI_FILTER) $(RUNNER_FILTER)

$(eval $(call dynamic_program,$(SECCOMP_COMPILE),$(SECCOMP_COMPILE_SOURCES),$(LIBBASE),-lseccomp -ljansson))

DATA_FILES += $(SECCOMP_FILTERS)
$(AGENTCLI_FILTER): policies/seccomp/command.json
$(SECCOMP_FILTERS): $(IMAGE)/etc/coding-agents/seccomp/%.bpf: policies/seccomp/%.json $(SECCOMP_COMPILE)
	@mkdir -p $(@D)
	$(SECCOMP_COMPILE) $< $@
