# The launcher, and the archive of what the other parts of the host shim share with it.
LAUNCH_DIRECTORY := host-shim/launch
LIBLAUNCH := $(BUILD)/glibc/liblaunch.a
LIBLAUNCH_SOURCES := $(addprefix $(LAUNCH_DIRECTORY)/,engine.c engine_detect.c git.c install_paths.c)

$(LIBLAUNCH): $(call glibc_objects,$(LIBLAUNCH_SOURCES))
	@rm -f $@ && $(AR) rcsD $@ $^
