# The compiler of seccomp filters runs at build time and ships nowhere; what it makes goes into images.
SECCOMP_COMPILE := $(BUILD)/tools/agent-seccomp-compile
SECCOMP_COMPILE_SOURCES := $(sort $(wildcard sandbox/agent-seccomp-compile/*.c))
COMMAND_FILTER := $(IMAGE)/etc/coding-agents/seccomp/command.bpf
AGENTCLI_FILTER := $(IMAGE)/etc/coding-agents/seccomp/agentcli.bpf
RUNNER_FILTER := $(IMAGE)/etc/coding-agents/seccomp/runner.bpf
RELAY_FILTER := $(IMAGE)/etc/coding-agents/seccomp/relay.bpf
SECCOMP_FILTERS := $(COMMAND_FILTER) $(AGENTCLI_FILTER) $(RUNNER_FILTER) $(RELAY_FILTER)

# What a command is below, in two parts: sandboxes are made below the first, and close with the second.
SANDBOX_FILTERS := $(IMAGE)/etc/coding-agents/seccomp/command-early.bpf $(IMAGE)/etc/coding-agents/seccomp/command-late.bpf

$(eval $(call dynamic_program,$(SECCOMP_COMPILE),$(SECCOMP_COMPILE_SOURCES),$(LIBBASE),-lseccomp -ljansson))

DATA_FILES += $(SECCOMP_FILTERS) $(SANDBOX_FILTERS)
$(AGENTCLI_FILTER): policies/seccomp/command.json
$(SECCOMP_FILTERS): $(IMAGE)/etc/coding-agents/seccomp/%.bpf: policies/seccomp/%.json $(SECCOMP_COMPILE)
	@mkdir -p $(@D)
	$(EMULATOR) $(SECCOMP_COMPILE) $< $@
$(SANDBOX_FILTERS): $(IMAGE)/etc/coding-agents/seccomp/command-%.bpf: policies/seccomp/command.json $(SECCOMP_COMPILE)
	@mkdir -p $(@D)
	$(EMULATOR) $(SECCOMP_COMPILE) --$* $< $@
