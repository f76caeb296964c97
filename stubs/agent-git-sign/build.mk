# What git in a session runs for gpg and for ssh-keygen.
$(eval $(call dynamic_program,$(CONTAINER_LIBEXEC)/agent-git-sign,$(sort $(wildcard stubs/agent-git-sign/*.c)),$(LIBWIRE) $(LIBBASE),))
