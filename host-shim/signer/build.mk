# The signer: what signs commits and tags of a session, with the user's key.
SIGNER_DIRECTORY := host-shim/signer
SIGNER_SOURCES := $(sort $(wildcard $(SIGNER_DIRECTORY)/*.c))
$(eval $(call dynamic_program,$(HOST_LIBEXEC)/coding-agents-signer,$(SIGNER_SOURCES),$(LIBHOST) $(LIBWIRE) $(LIBBASE),$(WIRE_LIBRARIES) -lnettle))
# What it is below before it hears anybody.
SIGNER_FILTER := $(HOST_SHARE)/seccomp/signer.bpf
DATA_FILES += $(SIGNER_FILTER)
$(SIGNER_FILTER): policies/seccomp/signer.json $(SECCOMP_COMPILE)
	@mkdir -p $(@D)
	$(EMULATOR) $(SECCOMP_COMPILE) $< $@
