# Attacks that tests run against the shipped programs. They never ship.
$(eval $(call dynamic_program,$(BUILD)/tests/attack/trap,$(sort $(wildcard tests/attack/trap*.c)),$(LIBBASE),-pthread))
