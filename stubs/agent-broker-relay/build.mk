# The sidecar's one program: static, as it is all that runs there.
$(eval $(call static_program,$(CONTAINER_LIBEXEC)/agent-broker-relay,stubs/agent-broker-relay/main.c))
