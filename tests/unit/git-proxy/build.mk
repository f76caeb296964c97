# Unit tests of the git proxy and its relay: pure parsers, each with what it is made of, and what the two do with connections.
GIT_PROXY_TESTS := push route credential_text
GIT_PROXY_TEST_SOURCES := $(addprefix host-shim/git-proxy/,credential_text.c pkt_line.c push_list.c push_report.c route.c)

$(foreach name,$(GIT_PROXY_TESTS),$(eval $(call unit_test,git_proxy_$(name),tests/unit/git-proxy/test_$(name).c tests/unit/wire/support.c $(GIT_PROXY_TEST_SOURCES),$(LIBHOST) $(LIBWIRE) $(LIBBASE),$(WIRE_LIBRARIES))))
$(eval $(call unit_test,git_proxy_relay,tests/unit/git-proxy/test_relay.c stubs/agent-git-relay/relay.c,$(LIBBASE)))
# With all that a request goes through.
$(foreach name,credential exchange reach,$(eval $(call unit_test,git_proxy_$(name),tests/unit/git-proxy/test_$(name).c tests/unit/git-proxy/stage.c $(filter-out %/main.c,$(GIT_PROXY_SOURCES)),$(LIBHOST) $(LIBWIRE) $(LIBBASE),$(GIT_PROXY_LIBRARIES) $(WIRE_LIBRARIES))))
