# The targets a person types. `make help` prints the comments behind ##.
.PHONY: all check test soak lint images run bench install uninstall deps clean help

all: $(PROGRAMS) $(DATA_FILES) ## build every program and its data
	
clean: ## remove everything that was built
	rm -rf $(BUILD)

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' build-targets.mk

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
