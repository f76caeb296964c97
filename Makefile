# The front door. Every directory lists its own programs in build.mk; the rules are here, once.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

VERSION := $(shell cat VERSION)
BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=

# Two staging trees with the layout of an installed system: what runs on the host, what goes into an image.
HOST := $(BUILD)/host
IMAGE := $(BUILD)/image
CONTAINER_BIN := $(IMAGE)/usr/local/bin
CONTAINER_LIBEXEC := $(IMAGE)/usr/libexec/coding-agents
HOST_BIN := $(HOST)/bin
HOST_LIBEXEC := $(HOST)/libexec/coding-agents
HOST_SHARE := $(HOST)/share/coding-agents

include build-flags.mk
# An image build has only the directories whose programs run in a container.
include lib/build.mk $(wildcard init/build.mk sandbox/build.mk stubs/build.mk host-shim/build.mk policies/build.mk images/build.mk \
	docs/build.mk tests/build.mk)

include build-targets.mk
