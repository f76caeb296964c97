# agent-boot: the steps before an agent lives, and their mirror.
BOOT_SOURCES := $(sort $(wildcard init/agent-boot/*.c))
$(eval $(call dynamic_program,$(CONTAINER_LIBEXEC)/agent-boot,$(BOOT_SOURCES),$(LIBPOLICY) $(LIBWIRE) $(LIBBASE),\
	$(WIRE_LIBRARIES) $(POLICY_LIBRARIES) -lcap-ng))
