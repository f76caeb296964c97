# Programs of host-shim/, one fragment beside each part.
include $(sort $(wildcard host-shim/*/build.mk))
