# Attacks that tests run against the shipped programs. They never ship.
$(eval $(call dynamic_program,$(BUILD)/tests/attack/trap,$(sort $(wildcard tests/attack/trap*.c)),$(LIBBASE),-pthread))
# What any of our sockets can be sent; it goes into containers too.
$(eval $(call static_program,$(BUILD)/tests/attack/descriptors,tests/attack/descriptors.c tests/attack/linger.c))
