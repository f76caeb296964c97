# The broker: the one process that holds secrets.
BROKER_DIRECTORY := host-shim/broker
BROKER_SOURCES := $(sort $(wildcard $(BROKER_DIRECTORY)/*.c))
$(eval $(call dynamic_program,$(HOST_LIBEXEC)/coding-agents-broker,$(BROKER_SOURCES),$(LIBHOST) $(LIBWIRE) $(LIBBASE),$(WIRE_LIBRARIES)))
# What it is below once it has read what it holds. SECCOMP_COMPILE: sandbox/agent-seccomp-compile.
BROKER_FILTER := $(HOST_SHARE)/seccomp/broker.bpf
DATA_FILES += $(BROKER_FILTER)
$(BROKER_FILTER): policies/seccomp/broker.json $(SECCOMP_COMPILE)
	@mkdir -p $(@D)
	$(EMULATOR) $(SECCOMP_COMPILE) $< $@
