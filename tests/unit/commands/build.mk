# Unit tests of host-shim/commands.
COMMANDS_TEST_ARCHIVES := $(BUILD)/glibc/libcommands.a $(LIBPOLICY) $(LIBHOST) $(LIBWIRE) $(LIBBASE)
$(eval $(call unit_test,test_command_table,tests/unit/commands/test_command_table.c,$(COMMANDS_TEST_ARCHIVES),$(WIRE_LIBRARIES)))
$(eval $(call unit_test,test_command_line,tests/unit/commands/test_command_line.c,$(COMMANDS_TEST_ARCHIVES),$(WIRE_LIBRARIES)))
$(eval $(call unit_test,test_doctor,tests/unit/commands/test_doctor.c $(addprefix host-shim/commands/,doctor_host.c doctor_logins.c),$(COMMANDS_TEST_ARCHIVES),$(WIRE_LIBRARIES)))
# The table is compared with what is installed beside it.
$(BUILD)/tests/unit/test_command_table: $(filter $(HOST)/%,$(PROGRAMS))
COMMANDS_LOG_SOURCES := tests/unit/commands/log.c tests/unit/wire/support.c
$(eval $(call unit_test,test_record,tests/unit/commands/test_record.c $(COMMANDS_LOG_SOURCES),$(COMMANDS_TEST_ARCHIVES),$(WIRE_LIBRARIES)))
$(BUILD)/tests/unit/test_record: | $(HOST_LIBEXEC)/coding-agents-record
$(eval $(call unit_test,test_policy_replay,tests/unit/commands/test_policy_replay.c $(COMMANDS_LOG_SOURCES),$(COMMANDS_TEST_ARCHIVES),$(WIRE_LIBRARIES)))
$(BUILD)/tests/unit/test_policy_replay: | $(HOST_LIBEXEC)/coding-agents-policy
$(eval $(call unit_test,test_policy_suggest,tests/unit/commands/test_policy_suggest.c $(COMMANDS_LOG_SOURCES),$(COMMANDS_TEST_ARCHIVES),$(WIRE_LIBRARIES)))
# It judges by what is shipped.
$(BUILD)/tests/unit/test_policy_suggest: | $(HOST_LIBEXEC)/coding-agents-policy $(HOST_POLICIES)
$(eval $(call unit_test,test_record_asks,tests/unit/commands/test_record_asks.c $(COMMANDS_LOG_SOURCES),$(COMMANDS_TEST_ARCHIVES),$(WIRE_LIBRARIES)))
$(BUILD)/tests/unit/test_record_asks: | $(HOST_LIBEXEC)/coding-agents-record $(HOST_LIBEXEC)/coding-agents-policy $(HOST_LIBEXEC)/coding-agents-approve
$(eval $(call unit_test,test_audit_command,tests/unit/commands/test_audit_command.c $(COMMANDS_LOG_SOURCES),$(COMMANDS_TEST_ARCHIVES),$(WIRE_LIBRARIES)))
$(BUILD)/tests/unit/test_audit_command: | $(HOST_LIBEXEC)/coding-agents-audit
