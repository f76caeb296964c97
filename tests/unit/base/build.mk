# Unit tests of lib/base that need nothing else.
$(foreach name,allowance path,$(eval $(call unit_test,base_$(name),tests/unit/base/test_$(name).c,$(LIBBASE),)))
# Both ends of a mux, over real pipes and sockets.
$(foreach name,mux mux_frames,$(eval $(call unit_test,base_$(name),tests/unit/base/test_$(name).c tests/unit/base/mux_stage.c,$(LIBBASE),)))
