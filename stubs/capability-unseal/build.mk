# capability-unseal, and the same program as what puts an agent's login in its place.
UNSEAL_SOURCES := $(sort $(wildcard stubs/capability-unseal/*.c))
PREPARE_NAMES := prepare-claude-secrets prepare-codex-secrets prepare-copilot-secrets
PREPARE_LINKS := $(addprefix $(CONTAINER_LIBEXEC)/,$(PREPARE_NAMES))
DATA_FILES += $(PREPARE_LINKS)
$(eval $(call dynamic_program,$(CONTAINER_BIN)/capability-unseal,$(UNSEAL_SOURCES),$(LIBWIRE) $(LIBBASE),$(WIRE_LIBRARIES)))
$(PREPARE_LINKS):
	@mkdir -p $(@D) && ln -sfn /usr/local/bin/capability-unseal $@
