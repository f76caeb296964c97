# Unit tests of lib/base that need nothing else.
$(foreach name,allowance path,$(eval $(call unit_test,base_$(name),tests/unit/base/test_$(name).c,$(LIBBASE),)))
