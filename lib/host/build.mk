# What the parts of the host shim share. No program of a container is linked with it.
LIBHOST := $(BUILD)/glibc/libhost.a

$(LIBHOST): $(call glibc_objects,$(sort $(wildcard lib/host/*.c)))
	@rm -f $@ && $(AR) rcsD $@ $^
