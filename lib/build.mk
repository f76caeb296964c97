# Floors: libbase (floor 0) for both C libraries, libwire and libpolicy (floor 1) for glibc programs, libhost (floor 2)
# for what runs on the host; an image build does not have that one.
BASE_SOURCES := $(sort $(wildcard lib/base/*.c))
WIRE_SOURCES := $(sort $(wildcard lib/wire/*.c))
POLICY_SOURCES := $(sort $(wildcard lib/policy/*.c))
LIBBASE := $(BUILD)/glibc/libbase.a
LIBWIRE := $(BUILD)/glibc/libwire.a
LIBPOLICY := $(BUILD)/glibc/libpolicy.a
POLICY_LIBRARIES := -ljansson
WIRE_LIBRARIES := -ljansson -lsodium

$(LIBBASE): $(call glibc_objects,$(BASE_SOURCES))
	@rm -f $@ && $(AR) rcsD $@ $^
$(LIBWIRE): $(call glibc_objects,$(WIRE_SOURCES))
	@rm -f $@ && $(AR) rcsD $@ $^
$(LIBPOLICY): $(call glibc_objects,$(POLICY_SOURCES))
	@rm -f $@ && $(AR) rcsD $@ $^
$(BUILD)/musl/libbase.a: $(call musl_objects,$(BASE_SOURCES))
	@mkdir -p $(@D) && rm -f $@ && $(AR) rcsD $@ $^

include $(wildcard lib/host/build.mk)
