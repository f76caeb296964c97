# agent-data: an agent's data of earlier sessions, in and out, as the agent's identity.
AGENT_DATA_SOURCES := $(sort $(wildcard init/agent-data/*.c))
$(eval $(call dynamic_program,$(CONTAINER_LIBEXEC)/agent-data,$(AGENT_DATA_SOURCES),$(LIBPACK) $(LIBBASE),$(PACK_LIBRARIES_STATIC) $(WIRE_LIBRARIES)))
