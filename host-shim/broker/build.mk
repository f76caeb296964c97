# The keeper of a session: what it is linked from, and its parts as an archive for its tests.
BROKER_DIRECTORY := host-shim/broker
BROKER_SOURCES := $(addprefix $(BROKER_DIRECTORY)/,admission.c approvals.c asks.c cause.c control.c ending.c exec_events.c helper.c init_events.c log.c \
	peers.c setup.c watch.c)
LIBBROKER := $(BUILD)/glibc/libbroker.a

$(LIBBROKER): $(call glibc_objects,$(BROKER_SOURCES))
	@rm -f $@ && $(AR) rcsD $@ $^

$(eval $(call dynamic_program,$(HOST_LIBEXEC)/coding-agents-keeper,$(BROKER_DIRECTORY)/main.c,$(LIBBROKER) $(LIBHOST) $(LIBWIRE) $(LIBBASE),$(WIRE_LIBRARIES)))
