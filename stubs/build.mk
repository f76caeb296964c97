# Programs of stubs/, declared for the top Makefile.
include $(sort $(wildcard stubs/*/build.mk))
