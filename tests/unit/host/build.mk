# Unit tests of lib/host.
HOST_TESTS := agent_command agent_shape agent_start ask_banner branch engine git git_rules landlock one_shot policy printable repository repository_config screen_filter session_log signing_config terminal_filter url

$(foreach name,$(HOST_TESTS),$(eval $(call unit_test,host_$(name),tests/unit/host/test_$(name).c tests/unit/host/support.c tests/unit/wire/support.c,$(LIBHOST) $(LIBWIRE) $(LIBBASE),$(WIRE_LIBRARIES))))
# The filter of a program that reads what came out of a container.
$(BUILD)/tests/unit/host_landlock: | $(HOST_SHARE)/seccomp/data.bpf
