# Unit tests of host-shim/signer, and of what git in a session runs to reach it.
SIGNER_TESTS := arguments git_object object_id
SIGNER_TEST_SOURCES_arguments := stubs/agent-git-sign/arguments.c
SIGNER_TEST_SOURCES_git_object := $(SIGNER_DIRECTORY)/git_object.c
SIGNER_TEST_SOURCES_object_id := $(addprefix $(SIGNER_DIRECTORY)/,git_object.c object_id.c)

$(foreach name,$(SIGNER_TESTS),$(eval $(call unit_test,signer_$(name),tests/unit/signer/test_$(name).c tests/unit/wire/support.c $(SIGNER_TEST_SOURCES_$(name)),$(LIBHOST) $(LIBWIRE) $(LIBBASE),$(WIRE_LIBRARIES) -lnettle)))
