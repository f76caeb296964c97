# PID 1: static, so that nothing but the kernel is needed to start it.
AGENT_INIT_SOURCES := init/machine/machine.c init/machine/service.c $(sort $(wildcard init/agent-init/*.c))
$(eval $(call static_program,$(CONTAINER_BIN)/agent-init,$(AGENT_INIT_SOURCES)))
