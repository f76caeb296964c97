# What goes into images besides programs and policies.
SETUP_HOOKS := $(patsubst images/setup.d/%,$(IMAGE)/etc/coding-agents/setup.d/%,$(wildcard images/setup.d/*))
RECORD_PROGRAMS := $(CONTAINER_LIBEXEC)/record-programs
DATA_FILES += $(SETUP_HOOKS) $(RECORD_PROGRAMS)

$(SETUP_HOOKS): $(IMAGE)/etc/coding-agents/setup.d/%: images/setup.d/%
	@install -D -m 0755 $< $@

$(RECORD_PROGRAMS): images/record-programs
	@install -D -m 0755 $< $@
