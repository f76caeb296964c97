# A checker of audit logs against the published schema, for tests. It never ships.
CHECK_RECORDS := $(BUILD)/tests/check-records
$(eval $(call test_program,$(CHECK_RECORDS),tests/schema/check-records.c tests/schema/schema.c,$(LIBBASE),$(WIRE_LIBRARIES)))
$(eval $(call unit_test,schema_records,tests/schema/test_records.c tests/schema/schema.c,$(LIBWIRE) $(LIBBASE),$(WIRE_LIBRARIES)))
