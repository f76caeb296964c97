# The launcher, and the archive of what the other parts of the host shim share with it.
LAUNCH_DIRECTORY := host-shim/launch
LIBLAUNCH := $(BUILD)/glibc/liblaunch.a
LIBLAUNCH_SOURCES := $(addprefix $(LAUNCH_DIRECTORY)/,engine.c engine_detect.c git.c install_paths.c)
LAUNCH_SOURCES := $(filter-out $(LIBLAUNCH_SOURCES),$(sort $(wildcard $(LAUNCH_DIRECTORY)/*.c)))
# What unit tests link: all of it but main.
LAUNCH_PARTS := $(BUILD)/glibc/launch-parts.a
# Names under which people know the program already; main.c says what each means.
LAUNCH_LINKS := $(addprefix $(HOST_BIN)/,run-agent launch-agent connect-agent list-agents remove-agent)
DATA_FILES += $(LAUNCH_LINKS)

$(LIBLAUNCH): $(call glibc_objects,$(LIBLAUNCH_SOURCES))
	@rm -f $@ && $(AR) rcsD $@ $^
$(LAUNCH_PARTS): $(call glibc_objects,$(filter-out %/main.c,$(LAUNCH_SOURCES)))
	@rm -f $@ && $(AR) rcsD $@ $^
$(LAUNCH_LINKS):
	@mkdir -p $(@D) && ln -sfn coding-agents $@

$(eval $(call dynamic_program,$(HOST_BIN)/coding-agents,$(LAUNCH_SOURCES),$(LIBLAUNCH) $(LIBWIRE) $(LIBBASE),$(WIRE_LIBRARIES)))
