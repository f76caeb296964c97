# The launcher.
LAUNCH_DIRECTORY := host-shim/launch
LAUNCH_SOURCES := $(sort $(wildcard $(LAUNCH_DIRECTORY)/*.c))
# What unit tests link: all of it but main.
LAUNCH_PARTS := $(BUILD)/glibc/launch-parts.a
# Names under which people know the program already; main.c says what each means.
LAUNCH_LINKS := $(addprefix $(HOST_BIN)/,run-agent launch-agent connect-agent list-agents remove-agent)
DATA_FILES += $(LAUNCH_LINKS)

$(LAUNCH_PARTS): $(call glibc_objects,$(filter-out %/main.c,$(LAUNCH_SOURCES)))
	@rm -f $@ && $(AR) rcsD $@ $^
$(LAUNCH_LINKS):
	@mkdir -p $(@D) && ln -sfn coding-agents $@

$(eval $(call dynamic_program,$(HOST_BIN)/coding-agents,$(LAUNCH_SOURCES),$(LIBHOST) $(LIBWIRE) $(LIBBASE),$(WIRE_LIBRARIES)))
