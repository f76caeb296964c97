# What brings the work of a session back, and the transport that git runs for it.
COLLECT_DIRECTORY := host-shim/collect
LIBCOLLECT := $(BUILD)/glibc/libcollect.a
LIBCOLLECT_SOURCES := $(addprefix $(COLLECT_DIRECTORY)/,auto_exec.c changes.c examine.c fetch.c \
	record.c recovery.c report.c)

$(LIBCOLLECT): $(call glibc_objects,$(LIBCOLLECT_SOURCES))
	@rm -f $@ && $(AR) rcsD $@ $^

$(eval $(call dynamic_program,$(HOST_LIBEXEC)/coding-agents-collect,$(COLLECT_DIRECTORY)/collect.c,$(LIBCOLLECT) $(LIBHOST) $(LIBWIRE) $(LIBBASE),$(WIRE_LIBRARIES)))
$(eval $(call dynamic_program,$(HOST_LIBEXEC)/coding-agents-transport,$(COLLECT_DIRECTORY)/transport.c,$(LIBBASE),))
