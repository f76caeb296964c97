# Unit tests of lib/host.
HOST_TESTS := agent_command ask_banner branch engine git one_shot policy printable repository repository_config screen_filter session_log terminal_filter url

$(foreach name,$(HOST_TESTS),$(eval $(call unit_test,host_$(name),tests/unit/host/test_$(name).c tests/unit/host/support.c,$(LIBHOST) $(LIBWIRE) $(LIBBASE),$(WIRE_LIBRARIES))))
