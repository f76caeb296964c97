$(eval $(call dynamic_program,$(BUILD)/tests/agentcli-untrapped,\
	tests/untrapped/main.c $(CONFINE_SOURCES),$(LIBBASE),$(CONFINE_LIBRARIES)))
