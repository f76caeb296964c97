# Programs of sandbox/, declared for the top Makefile.
CONFINE_SOURCES := $(sort $(wildcard sandbox/confine/*.c))
CONFINE_LIBRARIES := -lcap-ng -lapparmor
ATTACH_SOURCES := $(sort $(wildcard sandbox/attach/*.c))
AGENTCLI_EXEC_SOURCES := $(sort $(wildcard sandbox/agentcli-exec/*.c))
AGENT_ATTACH_SOURCES := $(sort $(wildcard sandbox/agent-attach/*.c))
TASK_SANDBOX_SOURCES := $(sort $(wildcard sandbox/agent-task-sandbox/*.c))

TASK_CLIENT_SOURCES := $(sort $(wildcard sandbox/task-client/*.c))
EXEC_RELAY_SOURCES := $(sort $(wildcard sandbox/agent-exec-relay/*.c))
TASK_RUNNERCTL_SOURCES := $(sort $(wildcard sandbox/agent-task-runnerctl/*.c))

include sandbox/agent-seccomp-compile/build.mk
include sandbox/agent-task-runnerd/build.mk

$(eval $(call static_program,$(CONTAINER_LIBEXEC)/agent-exec-relay,$(EXEC_RELAY_SOURCES) $(TASK_CLIENT_SOURCES)))
$(eval $(call whole_program,$(CONTAINER_LIBEXEC)/agent-task-sandbox,\
	$(TASK_SANDBOX_SOURCES) $(CONFINE_SOURCES) sandbox/exec-trap/path_text.c,$(LIBPOLICY) $(LIBWIRE) $(LIBBASE),$(POLICY_LIBRARIES) -lsodium $(CONFINE_LIBRARIES)))
$(eval $(call dynamic_program,$(CONTAINER_LIBEXEC)/agentcli-exec,\
	$(AGENTCLI_EXEC_SOURCES) $(CONFINE_SOURCES) $(ATTACH_SOURCES) $(TASK_CLIENT_SOURCES),$(LIBBASE),$(CONFINE_LIBRARIES)))
$(eval $(call dynamic_program,$(CONTAINER_BIN)/agent-task-runnerctl,\
	$(TASK_RUNNERCTL_SOURCES) $(TASK_CLIENT_SOURCES),$(LIBBASE),-ljansson))
$(eval $(call dynamic_program,$(CONTAINER_BIN)/agent-attach,\
	$(AGENT_ATTACH_SOURCES) $(ATTACH_SOURCES),$(LIBBASE),))

TMUX_FILES := $(IMAGE)/etc/coding-agents/tmux.conf $(IMAGE)/etc/coding-agents/tmux-persistent.conf
DATA_FILES += $(TMUX_FILES)
$(TMUX_FILES): $(IMAGE)/etc/coding-agents/%.conf: sandbox/agentcli-exec/%.conf
	@install -D -m 0644 $< $@
