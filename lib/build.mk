# Floors: libbase (floor 0) for both C libraries, libwire, libpolicy and libpack (floor 1) for glibc programs, libhost (floor 2)
# for what runs on the host; an image build does not have that one.
BASE_SOURCES := $(sort $(wildcard lib/base/*.c))
WIRE_SOURCES := $(sort $(wildcard lib/wire/*.c))
POLICY_SOURCES := $(sort $(wildcard lib/policy/*.c))
PACK_SOURCES := $(sort $(wildcard lib/pack/*.c))
LIBBASE := $(BUILD)/glibc/libbase.a
LIBWIRE := $(BUILD)/glibc/libwire.a
LIBPOLICY := $(BUILD)/glibc/libpolicy.a
LIBPACK := $(BUILD)/glibc/libpack.a
POLICY_LIBRARIES := -ljansson
WIRE_LIBRARIES := -ljansson -lsodium
PACK_LIBRARIES := -larchive
# Its shared library would bring libxml2 and ICU into the images, 40 MB that a tar does not need.
PACK_LIBRARIES_STATIC := -l:libarchive.a

$(LIBBASE): $(call glibc_objects,$(BASE_SOURCES))
	@rm -f $@ && $(AR) rcsD $@ $^
$(LIBWIRE): $(call glibc_objects,$(WIRE_SOURCES))
	@rm -f $@ && $(AR) rcsD $@ $^
$(LIBPOLICY): $(call glibc_objects,$(POLICY_SOURCES))
	@rm -f $@ && $(AR) rcsD $@ $^
$(LIBPACK): $(call glibc_objects,$(PACK_SOURCES))
	@rm -f $@ && $(AR) rcsD $@ $^
$(BUILD)/musl/libbase.a: $(call musl_objects,$(BASE_SOURCES))
	@mkdir -p $(@D) && rm -f $@ && $(AR) rcsD $@ $^

include $(wildcard lib/host/build.mk)
