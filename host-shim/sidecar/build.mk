# The host's end of a session's sidecar.
SIDECAR_DIRECTORY := host-shim/sidecar
SIDECAR_SOURCES := $(sort $(wildcard $(SIDECAR_DIRECTORY)/*.c))
$(eval $(call dynamic_program,$(HOST_LIBEXEC)/coding-agents-sidecar,$(SIDECAR_SOURCES),$(LIBHOST) $(LIBWIRE) $(LIBBASE),$(WIRE_LIBRARIES)))
# What it is below before it hears its container.
SIDECAR_FILTER := $(HOST_SHARE)/seccomp/relay.bpf
DATA_FILES += $(SIDECAR_FILTER)
$(SIDECAR_FILTER): policies/seccomp/relay.json $(SECCOMP_COMPILE)
	@mkdir -p $(@D)
	$(EMULATOR) $(SECCOMP_COMPILE) $< $@
