# Fuzz targets: each replays its committed inputs in every `make check`, and `make fuzz` looks for new ones.
FUZZ_TARGETS := manifest channel table audit audit_proof pack policy command exec task block trap_path trap_direct trap_request trap_verdict capability redeem \
	broker image uid_map renewal git_object signing named_secrets image_head foreign fixed variables agent_shape git_push git_credential mux
# What a target reads that is not of a floor.
FUZZ_SOURCES_audit_proof := $(addprefix host-shim/commands/,audit_lines.c audit_proof.c audit_view.c) lib/host/printable.c
FUZZ_SOURCES_pack := $(PACK_SOURCES)
FUZZ_LIBRARIES_pack := $(PACK_LIBRARIES)
FUZZ_SOURCES_task := sandbox/task-client/message.c
FUZZ_SOURCES_block := sandbox/agent-task-sandbox/block.c
FUZZ_SOURCES_trap_path := sandbox/exec-trap/path_text.c
FUZZ_SOURCES_trap_direct := sandbox/exec-trap/direct_match.c
FUZZ_SOURCES_trap_request := sandbox/exec-trap/request.c
FUZZ_SOURCES_trap_verdict := $(addprefix sandbox/exec-trap/,configuration.c direct_match.c keeper_frame.c verdict_check.c)
FUZZ_SOURCES_renewal := $(addprefix lib/host/,login.c login_config.c login_renewal.c named_secrets.c)
FUZZ_SOURCES_broker := $(addprefix host-shim/broker/,answer.c renew.c) $(addprefix lib/host/,install_paths.c keeper_child.c refusals.c session_relay.c session_socket.c uid_map.c) $(FUZZ_SOURCES_renewal)
FUZZ_SOURCES_image := host-shim/broker/image.c
FUZZ_SOURCES_image_head := sandbox/agent-task-sandbox/image_head.c
FUZZ_SOURCES_foreign := sandbox/agent-task-sandbox/foreign.c
FUZZ_SOURCES_fixed := $(addprefix sandbox/agent-task-sandbox/,fixed.c path_walk.c)
FUZZ_SOURCES_variables := sandbox/agent-task-sandbox/variables.c
FUZZ_SOURCES_uid_map := lib/host/uid_map.c
FUZZ_SOURCES_git_object := host-shim/signer/git_object.c
FUZZ_SOURCES_signing := $(addprefix lib/host/,signing_config.c git.c login_config.c)
FUZZ_SOURCES_named_secrets := $(addprefix lib/host/,login_config.c named_secrets.c)
FUZZ_SOURCES_agent_shape := $(addprefix lib/host/,agent_shape.c install_paths.c)
FUZZ_SOURCES_git_push := $(addprefix host-shim/git-proxy/,pkt_line.c push_list.c push_report.c)
FUZZ_SOURCES_git_credential := host-shim/git-proxy/credential_text.c
FUZZ_SECONDS ?= $(if $(filter 1,$(SOAK)),600,20)
FUZZ_PROGRAMS := $(FUZZ_TARGETS:%=$(BUILD)/fuzz/%)
FUZZ_CFLAGS := -std=gnu11 -g -O1 -D_GNU_SOURCE -DCODING_AGENTS_VERSION='"$(VERSION)"' \
	-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined

$(foreach name,$(FUZZ_TARGETS),$(eval $(call unit_test,fuzz_$(name),tests/fuzz/fuzz_$(name).c tests/fuzz/replay.c $(FUZZ_SOURCES_$(name)),$(LIBPOLICY) $(LIBWIRE) $(LIBBASE),$(WIRE_LIBRARIES) $(FUZZ_LIBRARIES_$(name)))))

$(foreach name,$(FUZZ_TARGETS),$(eval $(BUILD)/fuzz/$(name): $(FUZZ_SOURCES_$(name))))
$(FUZZ_PROGRAMS): $(BUILD)/fuzz/%: tests/fuzz/fuzz_%.c $(POLICY_SOURCES) $(WIRE_SOURCES) $(BASE_SOURCES)
	@mkdir -p $(@D)
	$(call say,FUZZ)clang $(FUZZ_CFLAGS) $(INCLUDES) -o $@ $^ $(WIRE_LIBRARIES) $(FUZZ_LIBRARIES_$*)

.PHONY: fuzz
fuzz: ## look for new inputs that break a parser, FUZZ_SECONDS each
	@BUILD=$(BUILD) FUZZ_SECONDS=$(FUZZ_SECONDS) MAKE="$(MAKE)" tests/fuzz/run $(FUZZ_TARGETS)
