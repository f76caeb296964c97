# Programs of init/, declared for the top Makefile.
include $(sort $(wildcard init/*/build.mk))
