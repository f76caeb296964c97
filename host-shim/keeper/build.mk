# The keeper of a session: what it is linked from, and its parts as an archive for its tests.
KEEPER_DIRECTORY := host-shim/keeper
KEEPER_SOURCES := $(addprefix $(KEEPER_DIRECTORY)/,admission.c approvals.c asks.c attendant.c cause.c closing.c control.c data.c data_program.c ending.c exec_events.c git.c helper.c init_events.c log.c \
	peers.c restarts.c secrets.c setup.c sidecar.c signing.c watch.c)
LIBKEEPER := $(BUILD)/glibc/libkeeper.a

$(LIBKEEPER): $(call glibc_objects,$(KEEPER_SOURCES))
	@rm -f $@ && $(AR) rcsD $@ $^

$(eval $(call dynamic_program,$(HOST_LIBEXEC)/coding-agents-keeper,$(KEEPER_DIRECTORY)/main.c,$(LIBKEEPER) $(LIBHOST) $(LIBPACK) $(LIBWIRE) $(LIBBASE),$(WIRE_LIBRARIES)))
