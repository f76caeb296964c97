# What goes into images besides programs and policies.
SETUP_HOOKS := $(patsubst images/setup.d/%,$(IMAGE)/etc/coding-agents/setup.d/%,$(wildcard images/setup.d/*))
DATA_FILES += $(SETUP_HOOKS)

$(SETUP_HOOKS): $(IMAGE)/etc/coding-agents/setup.d/%: images/setup.d/%
	@install -D -m 0755 $< $@
