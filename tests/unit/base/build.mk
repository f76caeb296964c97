# Unit tests of lib/base that need nothing else.
$(eval $(call unit_test,base_path,tests/unit/base/test_path.c,$(LIBBASE),))
