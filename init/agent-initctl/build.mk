AGENT_INITCTL_SOURCES := init/machine/names.c $(sort $(wildcard init/agent-initctl/*.c))
$(eval $(call dynamic_program,$(CONTAINER_BIN)/agent-initctl,$(AGENT_INITCTL_SOURCES),$(LIBBASE),-ljansson))
