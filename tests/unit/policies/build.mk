$(eval $(call unit_test,test_container_profile,tests/unit/policies/test_container_profile.c,,-ljansson -lseccomp))
