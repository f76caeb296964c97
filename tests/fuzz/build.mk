# Fuzz targets: each replays its committed inputs in every `make check`, and `make fuzz` looks for new ones.
FUZZ_TARGETS := manifest channel table audit policy command exec task block trap_path trap_direct trap_request trap_verdict
# What a target reads that is not of a floor.
FUZZ_SOURCES_task := sandbox/task-client/message.c
FUZZ_SOURCES_block := sandbox/agent-task-sandbox/block.c
FUZZ_SOURCES_trap_path := sandbox/exec-trap/path_text.c
FUZZ_SOURCES_trap_direct := sandbox/exec-trap/direct_match.c
FUZZ_SOURCES_trap_request := sandbox/exec-trap/request.c
FUZZ_SOURCES_trap_verdict := $(addprefix sandbox/exec-trap/,configuration.c direct_match.c keeper_frame.c verdict_check.c)
FUZZ_SECONDS ?= $(if $(filter 1,$(SOAK)),600,20)
FUZZ_PROGRAMS := $(FUZZ_TARGETS:%=$(BUILD)/fuzz/%)
FUZZ_CFLAGS := -std=gnu11 -g -O1 -D_GNU_SOURCE -DCODING_AGENTS_VERSION='"$(VERSION)"' \
	-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined

$(foreach name,$(FUZZ_TARGETS),$(eval $(call unit_test,fuzz_$(name),tests/fuzz/fuzz_$(name).c tests/fuzz/replay.c $(FUZZ_SOURCES_$(name)),$(LIBPOLICY) $(LIBWIRE) $(LIBBASE),$(WIRE_LIBRARIES))))

$(foreach name,$(FUZZ_TARGETS),$(eval $(BUILD)/fuzz/$(name): $(FUZZ_SOURCES_$(name))))
$(FUZZ_PROGRAMS): $(BUILD)/fuzz/%: tests/fuzz/fuzz_%.c $(POLICY_SOURCES) $(WIRE_SOURCES) $(BASE_SOURCES)
	@mkdir -p $(@D)
	$(call say,FUZZ)clang $(FUZZ_CFLAGS) $(INCLUDES) -o $@ $^ $(WIRE_LIBRARIES)

.PHONY: fuzz
fuzz: ## look for new inputs that break a parser, FUZZ_SECONDS each
	@BUILD=$(BUILD) FUZZ_SECONDS=$(FUZZ_SECONDS) MAKE="$(MAKE)" tests/fuzz/run $(FUZZ_TARGETS)
