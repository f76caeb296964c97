# What `make bench` measures inits with: the measuring program, what the inits run, and a boot of five services.
$(foreach program,init_main init_probe init_five,\
	$(eval $(call static_program,$(BUILD)/tests/bench/$(program),tests/bench/$(program).c)))
