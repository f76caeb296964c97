# What `make bench` measures inits with: the measuring program, what the inits run, and a boot of five services; and
# commands with: what spawns them.
$(foreach program,init_main init_probe init_five init_floor exec_probe,\
	$(eval $(call static_program,$(BUILD)/tests/bench/$(program),tests/bench/$(program).c)))
# And the broker: a real one, asked as in its tests.
$(eval $(call test_program,$(BUILD)/tests/bench/broker_load,tests/bench/broker_load.c tests/unit/broker/stage.c tests/unit/broker/sidecar.c tests/unit/wire/support.c,$(LIBHOST) $(LIBWIRE) $(LIBBASE),$(WIRE_LIBRARIES) -lpthread -lcmocka))
