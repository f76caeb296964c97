# What `make bench` measures inits with: the measuring program, what the inits run, and a boot of five services; and
# commands with: what spawns them.
$(foreach program,init_main init_probe init_five exec_probe,\
	$(eval $(call static_program,$(BUILD)/tests/bench/$(program),tests/bench/$(program).c)))
