# One program per command, each from its own file and the archive of what they share.
COMMANDS_DIRECTORY := host-shim/commands
COMMAND_NAMES := approvals approve completion deny connect help kill list logs record remove status stop sync version
LIBCOMMANDS := $(BUILD)/glibc/libcommands.a
LIBCOMMANDS_SOURCES := $(addprefix $(COMMANDS_DIRECTORY)/,ask_answer.c ask_view.c branch_removal.c command.c command_table.c \
	completion_script.c exec_json.c exec_list.c exec_session.c exec_text.c losses.c session_end.c session_json.c session_view.c)
COMMANDS_ARCHIVES := $(LIBCOMMANDS) $(LIBPOLICY) $(LIBHOST) $(LIBWIRE) $(LIBBASE)

$(LIBCOMMANDS): $(call glibc_objects,$(LIBCOMMANDS_SOURCES))
	@rm -f $@ && $(AR) rcsD $@ $^

$(foreach name,$(COMMAND_NAMES),$(eval $(call dynamic_program,$(HOST_LIBEXEC)/coding-agents-$(name),$(COMMANDS_DIRECTORY)/$(name).c,$(COMMANDS_ARCHIVES),$(WIRE_LIBRARIES))))

DOCTOR_SOURCES := $(addprefix $(COMMANDS_DIRECTORY)/,doctor.c doctor_container.c doctor_host.c)
$(eval $(call dynamic_program,$(HOST_LIBEXEC)/coding-agents-doctor,$(DOCTOR_SOURCES),$(COMMANDS_ARCHIVES),$(WIRE_LIBRARIES)))

POLICY_COMMAND_SOURCES := $(addprefix $(COMMANDS_DIRECTORY)/,exec_command.c policy.c policy_load.c policy_replay.c policy_show.c \
	policy_suggest.c suggest_match.c suggest_rules.c)
$(eval $(call dynamic_program,$(HOST_LIBEXEC)/coding-agents-policy,$(POLICY_COMMAND_SOURCES),$(COMMANDS_ARCHIVES),$(WIRE_LIBRARIES)))

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
