# Unit tests of agent-boot and agent-commit: the parts that can be tried without a container.
BOOT_COPY := $(sort $(wildcard init/agent-boot/copy*.c))
$(eval $(call unit_test,boot_git_config,tests/unit/boot/test_git_config.c init/agent-boot/git_config.c,$(LIBBASE),))
$(eval $(call unit_test,boot_copy,tests/unit/boot/test_copy.c $(BOOT_COPY),$(LIBBASE),))
$(eval $(call unit_test,boot_copy_data,tests/unit/boot/test_copy_data.c init/agent-boot/copy_data.c,$(LIBBASE),))
$(eval $(call unit_test,commit_changes,tests/unit/boot/test_changes.c init/agent-commit/changes.c init/agent-commit/credential_patterns.c,$(LIBBASE),))
$(eval $(call unit_test,boot_git_refs,tests/unit/boot/test_git_refs.c init/agent-boot/git_refs.c,$(LIBBASE),))
