# `make lint`: every program tests/lint/check-NAME judges the tree in the current directory; self-test proves each can fail.
LINT_CHECKS := $(patsubst tests/lint/%,lint-%,$(wildcard tests/lint/check-*))
.PHONY: lint-checks lint-selftest $(LINT_CHECKS)

# The build itself is the check by gcc, and compiles the shipped filters with the shipped compiler.
lint-checks: $(LINT_CHECKS) lint-selftest $(PROGRAMS) $(DATA_FILES) $(UNIT_TESTS)
	@echo "lint: $(words $(LINT_CHECKS)) checks found nothing"

$(LINT_CHECKS): lint-%:
	@start=$$(date +%s); tests/lint/$* || { echo "lint: $* failed" >&2; exit 1; }; \
		printf '  %-16s ok %4d s\n' $(patsubst check-%,%,$*) $$(($$(date +%s) - start))

# They look at what was built, or run it.
lint-check-man lint-check-exec lint-selftest: $(PROGRAMS)

lint-selftest:
	@tests/lint/selftest
