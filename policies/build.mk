# Policies are data: copied as they are to both staging trees. Compiled filters come from sandbox/build.mk.
POLICY_FILES := $(sort $(filter-out %/build.mk,$(shell find policies -type f)))
HOST_POLICIES := $(patsubst %,$(HOST_SHARE)/%,$(POLICY_FILES))
# What boot, sandbox and PID 1 ask inside a container; the other tables are asked on the host only.
IMAGE_POLICIES := $(patsubst %,$(IMAGE)/etc/coding-agents/%.tab,users agents agent-data agent-environment agent-shared capabilities credential-patterns refused-variables stubs)
# Every agent's rules are in every image: a rule says whom it is for.
IMAGE_EXEC_POLICIES := $(patsubst policies/%,$(IMAGE)/etc/coding-agents/%,$(filter policies/exec/%,$(POLICY_FILES)))
IMAGE_POLICIES += $(IMAGE_EXEC_POLICIES)
DATA_FILES += $(HOST_POLICIES) $(IMAGE_POLICIES)

$(HOST_POLICIES): $(HOST_SHARE)/%: %
	@install -D -m 0644 $< $@
$(IMAGE_POLICIES): $(IMAGE)/etc/coding-agents/%: policies/%
	@install -D -m 0644 $< $@
