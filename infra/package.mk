# What `sam build` calls for each function: the one build of all functions, and then this function's file. Each folder beside has a Makefile that
# includes this one, since SAM wants one for each function. SAM calls it in a copy of that folder, so all paths begin at this file.
infra := $(dir $(realpath $(lastword $(MAKEFILE_LIST))))
function := $(notdir $(patsubst %/,%,$(dir $(realpath $(firstword $(MAKEFILE_LIST))))))

build-%:
	$(MAKE) --directory $(infra) packages/$(function)/bootstrap
	cp $(infra)packages/$(function)/bootstrap "$(ARTIFACTS_DIR)/bootstrap"
