# The compiler of seccomp filters runs at build time and ships nowhere; what it makes goes into images.
SECCOMP_COMPILE := $(BUILD)/tools/agent-seccomp-compile
SECCOMP_COMPILE_SOURCES := $(sort $(wildcard sandbox/agent-seccomp-compile/*.c))
COMMAND_FILTER := $(IMAGE)/etc/coding-agents/seccomp/command.bpf
AGENTCLI_FILTER := $(IMAGE)/etc/coding-agents/seccomp/agentcli.bpf

$(eval $(call dynamic_program,$(SECCOMP_COMPILE),$(SECCOMP_COMPILE_SOURCES),$(LIBBASE),-lseccomp -ljansson))

DATA_FILES += $(COMMAND_FILTER) $(AGENTCLI_FILTER)
$(AGENTCLI_FILTER): policies/seccomp/command.json
$(COMMAND_FILTER) $(AGENTCLI_FILTER): $(IMAGE)/etc/coding-agents/seccomp/%.bpf: policies/seccomp/%.json $(SECCOMP_COMPILE)
	@mkdir -p $(@D)
	$(EMULATOR) $(SECCOMP_COMPILE) $< $@
