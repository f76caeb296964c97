# The targets a person types. `make help` prints the comments behind ##.
.PHONY: all check test soak lint images run bench install uninstall deps clean help image-tree print-flags

AGENT ?= shell
AGENTS ?= shell
REPO ?=
SOURCE_LINK := $(HOST_SHARE)/source
# What an image build needs, copied by `make install` so that it works without the checkout.
IMAGE_SOURCE := Makefile build-flags.mk build-targets.mk VERSION images.lock lib policies init sandbox stubs images
INSTALLED_SOURCE := $(DESTDIR)$(PREFIX)/share/coding-agents/source

DATA_FILES += $(HOST_SHARE)/images.lock $(SOURCE_LINK)

all: $(PROGRAMS) $(DATA_FILES) ## build every program and its data
	@# What an earlier build staged and this one would not must not be installed.
	@find $(HOST) $(IMAGE) ! -type d | LC_ALL=C sort | \
		LC_ALL=C comm -23 - <(printf '%s\n' $(sort $(PROGRAMS) $(DATA_FILES))) | xargs -r rm -f

image-tree: $(filter $(IMAGE)/%,$(PROGRAMS) $(DATA_FILES))

$(HOST_SHARE)/images.lock: images.lock
	@install -D -m 0644 $< $@

$(SOURCE_LINK):
	@mkdir -p $(@D) && ln -sfn $(CURDIR) $@

deps: ## install what building, running and testing need, load AppArmor profiles, start an engine
	@images/install-packages build check test vm
	@images/load-apparmor
	@images/start-engine

images: ## build the images of AGENTS="shell"
	@images/build $(AGENTS)

run: ## a session of AGENT=shell on REPO=/path, or on a small sample repository
	@MAKE="$(MAKE)" host-shim/sample/run "$(AGENT)" "$(REPO)"

test: ## set up everything and run every test
	@MAKE="$(MAKE)" tests/run-all

soak: ## the tests again with long sizes
	@MAKE="$(MAKE)" SOAK=1 tests/run-all

bench: ## measure: JSON and a table
	@images/install-packages build check bench
	@images/start-engine
	@$(MAKE) --no-print-directory all
	@$(MAKE) --no-print-directory images AGENTS="shell codex claude copilot"
	@tests/bench/run

lint: ## every static check
	@images/install-packages build check lint
	@$(MAKE) --no-print-directory --output-sync=target -j"$$(nproc)" lint-checks

install: all ## into DESTDIR and PREFIX=/usr/local
	@cd $(HOST) && find . -type f | while read -r file; do \
		if [ -x "$$file" ]; then mode=0755; else mode=0644; fi; \
		install -D -m $$mode "$$file" "$(DESTDIR)$(PREFIX)/$$file"; \
	done
	@cd $(HOST) && find . -type l ! -path ./share/coding-agents/source | while read -r link; do \
		mkdir -p "$$(dirname "$(DESTDIR)$(PREFIX)/$$link")"; \
		cp -P --remove-destination "$$link" "$(DESTDIR)$(PREFIX)/$$link"; \
	done
	@rm -rf "$(INSTALLED_SOURCE)" && mkdir -p "$(INSTALLED_SOURCE)"
	@cp -R --preserve=mode $(IMAGE_SOURCE) "$(INSTALLED_SOURCE)/"

uninstall: all ## remove what install put there
	@cd $(HOST) && find . \( -type f -o -type l \) ! -path ./share/coding-agents/source | while read -r file; do \
		rm -f "$(DESTDIR)$(PREFIX)/$$file"; \
	done
	@rm -rf "$(DESTDIR)$(PREFIX)/share/coding-agents" "$(DESTDIR)$(PREFIX)/libexec/coding-agents"

clean: ## remove everything that was built
	rm -rf $(BUILD)

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' build-targets.mk

# The flags of one translation unit, for tools that compile a file of their own.
print-flags:
	@echo '$(subst ',,$(INCLUDES) $(GLIBC_CFLAGS))'

-include $(shell find $(BUILD)/glibc $(BUILD)/musl -type f -name '*.d' 2>/dev/null)
