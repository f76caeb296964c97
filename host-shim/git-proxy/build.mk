# The git proxy: https with the remotes of a session, plain git with its container.
GIT_PROXY_DIRECTORY := host-shim/git-proxy
GIT_PROXY_SOURCES := $(sort $(wildcard $(GIT_PROXY_DIRECTORY)/*.c))
GIT_PROXY_LIBRARIES := -lmicrohttpd -lcurl
$(eval $(call dynamic_program,$(HOST_LIBEXEC)/coding-agents-git-proxy,$(GIT_PROXY_SOURCES),$(LIBHOST) $(LIBWIRE) $(LIBBASE),$(GIT_PROXY_LIBRARIES) $(WIRE_LIBRARIES)))
# What it is below before it hears of the container. SECCOMP_COMPILE: sandbox/agent-seccomp-compile.
GIT_PROXY_FILTER := $(HOST_SHARE)/seccomp/git-proxy.bpf
DATA_FILES += $(GIT_PROXY_FILTER)
$(GIT_PROXY_FILTER): policies/seccomp/git-proxy.json $(SECCOMP_COMPILE)
	@mkdir -p $(@D)
	$(EMULATOR) $(SECCOMP_COMPILE) $< $@
