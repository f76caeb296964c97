# The container's end of the git proxy: static, as what PID 1 starts again has to be small.
$(eval $(call static_program,$(CONTAINER_LIBEXEC)/agent-git-relay,$(addprefix stubs/agent-git-relay/,main.c relay.c)))
