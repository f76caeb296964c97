# One program per command, each from its own file and the archive of what they share.
COMMANDS_DIRECTORY := host-shim/commands
COMMAND_NAMES := approvals approve completion deny connect help kill list logs record remove status stop sync tasks version
LIBCOMMANDS := $(BUILD)/glibc/libcommands.a
LIBCOMMANDS_SOURCES := $(addprefix $(COMMANDS_DIRECTORY)/,ask_answer.c ask_view.c branch_removal.c client_run.c command.c command_table.c command_words.c \
	completion_script.c exec_command.c exec_json.c exec_list.c exec_session.c exec_shape.c exec_text.c losses.c session_end.c session_json.c session_view.c)
COMMANDS_ARCHIVES := $(LIBCOMMANDS) $(LIBPOLICY) $(LIBHOST) $(LIBWIRE) $(LIBBASE)

$(LIBCOMMANDS): $(call glibc_objects,$(LIBCOMMANDS_SOURCES))
	@rm -f $@ && $(AR) rcsD $@ $^

$(foreach name,$(COMMAND_NAMES),$(eval $(call dynamic_program,$(HOST_LIBEXEC)/coding-agents-$(name),$(COMMANDS_DIRECTORY)/$(name).c,$(COMMANDS_ARCHIVES),$(WIRE_LIBRARIES))))

DOCTOR_SOURCES := $(addprefix $(COMMANDS_DIRECTORY)/,doctor.c doctor_container.c doctor_host.c doctor_logins.c)
$(eval $(call dynamic_program,$(HOST_LIBEXEC)/coding-agents-doctor,$(DOCTOR_SOURCES),$(COMMANDS_ARCHIVES),$(WIRE_LIBRARIES)))

POLICY_COMMAND_SOURCES := $(addprefix $(COMMANDS_DIRECTORY)/,policy.c policy_load.c policy_replay.c policy_show.c \
	policy_suggest.c suggest_inner.c suggest_match.c suggest_print.c suggest_rules.c)
$(eval $(call dynamic_program,$(HOST_LIBEXEC)/coding-agents-policy,$(POLICY_COMMAND_SOURCES),$(COMMANDS_ARCHIVES),$(WIRE_LIBRARIES)))

AUDIT_COMMAND_SOURCES := $(addprefix $(COMMANDS_DIRECTORY)/,audit.c audit_lines.c audit_proof.c audit_view.c)
$(eval $(call dynamic_program,$(HOST_LIBEXEC)/coding-agents-audit,$(AUDIT_COMMAND_SOURCES),$(COMMANDS_ARCHIVES),$(WIRE_LIBRARIES)))

$(eval $(call dynamic_program,$(HOST_LIBEXEC)/coding-agents-data,$(COMMANDS_DIRECTORY)/data.c,$(LIBCOMMANDS) $(LIBHOST) $(LIBPACK) $(LIBWIRE) $(LIBBASE),$(WIRE_LIBRARIES) $(PACK_LIBRARIES)))

# What it is below before it reads what came out of a container. SECCOMP_COMPILE: sandbox/agent-seccomp-compile.
DATA_FILTER := $(HOST_SHARE)/seccomp/data.bpf
DATA_FILES += $(DATA_FILTER)
$(DATA_FILTER): policies/seccomp/data.json $(SECCOMP_COMPILE)
	@mkdir -p $(@D)
	$(EMULATOR) $(SECCOMP_COMPILE) $< $@

SECRETS_SOURCES := $(addprefix $(COMMANDS_DIRECTORY)/,secrets.c secrets_set.c)
$(eval $(call dynamic_program,$(HOST_LIBEXEC)/coding-agents-secrets,$(SECRETS_SOURCES),$(COMMANDS_ARCHIVES),$(WIRE_LIBRARIES)))

TRUST_CONFIG_SOURCES := $(addprefix $(COMMANDS_DIRECTORY)/,trust_config.c trust_config_show.c)
$(eval $(call dynamic_program,$(HOST_LIBEXEC)/coding-agents-trust-config,$(TRUST_CONFIG_SOURCES),$(COMMANDS_ARCHIVES),$(WIRE_LIBRARIES)))

# Completion where each shell looks for it, printed by the shipped program from the shipped table.
COMPLETIONS := bash:bash-completion/completions/coding-agents zsh:zsh/site-functions/_coding-agents \
	fish:fish/vendor_completions.d/coding-agents.fish
define completion_file
DATA_FILES += $(HOST)/share/$(2)
$(HOST)/share/$(2): $(HOST_LIBEXEC)/coding-agents-completion
	@mkdir -p $$(@D) && $(EMULATOR) $$< $(1) >$$@
endef
$(foreach entry,$(COMPLETIONS),$(eval $(call completion_file,$(word 1,$(subst :, ,$(entry))),$(word 2,$(subst :, ,$(entry))))))
