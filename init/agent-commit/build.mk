# agent-commit: the automatic commit of a session, run as agentuser in a sandbox without a network.
COMMIT_SOURCES := $(sort $(wildcard init/agent-commit/*.c))
$(eval $(call dynamic_program,$(CONTAINER_LIBEXEC)/agent-commit,$(COMMIT_SOURCES),$(LIBBASE),))
