# The tracer of the fault sweep. It never ships.
FAULT := $(BUILD)/tests/fault
FAULT_SOURCES := $(sort $(wildcard tests/fault/*.c))
$(eval $(call dynamic_program,$(FAULT),$(FAULT_SOURCES),$(LIBWIRE) $(LIBBASE),$(WIRE_LIBRARIES) -lseccomp))
