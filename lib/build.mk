# Floors: libbase (floor 0) for both C libraries, libwire (floor 1) for glibc programs.
BASE_SOURCES := $(sort $(wildcard lib/base/*.c))
WIRE_SOURCES := $(sort $(wildcard lib/wire/*.c))
LIBBASE := $(BUILD)/glibc/libbase.a
LIBWIRE := $(BUILD)/glibc/libwire.a
WIRE_LIBRARIES := -ljansson -lsodium

$(LIBBASE): $(call glibc_objects,$(BASE_SOURCES))
	@rm -f $@ && $(AR) rcsD $@ $^
$(LIBWIRE): $(call glibc_objects,$(WIRE_SOURCES))
	@rm -f $@ && $(AR) rcsD $@ $^
$(BUILD)/musl/libbase.a: $(call musl_objects,$(BASE_SOURCES))
	@mkdir -p $(@D) && rm -f $@ && $(AR) rcsD $@ $^
