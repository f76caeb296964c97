# Policies are data: copied as they are to both staging trees. What only the host asks stays there. Compiled filters come from sandbox/build.mk.
POLICY_FILES := $(sort $(filter-out %/build.mk,$(shell find policies -type f)))
HOST_POLICIES := $(patsubst %,$(HOST_SHARE)/%,$(POLICY_FILES))
IMAGE_POLICIES := $(patsubst policies/%,$(IMAGE)/etc/coding-agents/%,$(filter-out policies/auto-exec.tab,$(wildcard policies/*.tab)))
DATA_FILES += $(HOST_POLICIES) $(IMAGE_POLICIES)

$(HOST_POLICIES): $(HOST_SHARE)/%: %
	@install -D -m 0644 $< $@
$(IMAGE_POLICIES): $(IMAGE)/etc/coding-agents/%: policies/%
	@install -D -m 0644 $< $@
