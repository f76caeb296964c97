# Man pages: docs/man/NAME.SECTION, with @VERSION@ filled in, under share/man.
MAN_SOURCES := $(sort $(wildcard docs/man/*.[1-8]))
MAN_PAGES := $(foreach page,$(MAN_SOURCES),$(HOST)/share/man/man$(subst .,,$(suffix $(page)))/$(notdir $(page)))
DATA_FILES += $(MAN_PAGES)

define man_page
$(HOST)/share/man/man$(subst .,,$(suffix $(1)))/$(notdir $(1)): $(1) VERSION
	@mkdir -p $$(@D) && sed 's/@VERSION@/$(VERSION)/g' $$< >$$@
endef
$(foreach page,$(MAN_SOURCES),$(eval $(call man_page,$(page))))
