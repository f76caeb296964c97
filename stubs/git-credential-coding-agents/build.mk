# git's way to a credential that commands may have.
$(eval $(call dynamic_program,$(CONTAINER_BIN)/git-credential-coding-agents,stubs/git-credential-coding-agents/main.c,$(LIBBASE),-lcurl))
