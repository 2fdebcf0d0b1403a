# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# make demo    what this is about, in a minute: a lab of network namespaces, real packets   (root)
# make test    everything that CI runs                                                      (root)
# make help    the rest

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
MAKEFLAGS += --silent --no-print-directory --no-builtin-rules

VENV := $(CURDIR)/.venv
PYTHON := $(VENV)/bin/python
SUITES := bullseye bookworm trixie
INPUTS := $(shell . tests/images/podman.sh && echo $$inputs)
NFT := build/nft/0.9.8/nft build/nft/1.0.6/nft build/nft/1.1.3/nft
NAMES := build/squid/5.7/squid build/squid/6.13/squid build/dnsmasq/2.90/dnsmasq build/dnsmasq/2.91/dnsmasq
TYPED := plugins playbooks tests molecule
SCENARIOS := $(notdir $(patsubst %/molecule.yml,%,$(wildcard molecule/*/molecule.yml)))

export PATH := $(VENV)/bin:$(PATH):/usr/sbin:/sbin
export LC_ALL := C.UTF-8
# This checkout, not a copy that happens to be installed for the user.
export ANSIBLE_COLLECTIONS_PATH := $(VENV)/collections

.PHONY: help
help: ## This list
	sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | column -ts'|'

## Set-up ------------------------------------------------------------------------------------------------------------

.PHONY: deps
deps: ## System packages for everything (installs what is missing on Debian, as root)
	tests/tools/deps.sh test

.PHONY: venv
venv: .venv/complete ## Python packages, in .venv
	:

.venv/complete: requirements.txt requirements-dev.txt tests/tools/venv.sh
	tests/tools/venv.sh
	touch $@

build/debian/%-$(INPUTS).tar:
	tests/images/build.sh $* $@

build/nft/0.9.8/nft: build/debian/bullseye-$(INPUTS).tar
build/nft/1.0.6/nft: build/debian/bookworm-$(INPUTS).tar
build/nft/1.1.3/nft: build/debian/trixie-$(INPUTS).tar

build/debian/bookworm-%.package.tar: build/debian/bookworm-$(INPUTS).tar tests/images/extract.sh
	tests/images/extract.sh bookworm $* $< $@
build/debian/trixie-%.package.tar: build/debian/trixie-$(INPUTS).tar tests/images/extract.sh
	tests/images/extract.sh trixie $* $< $@

build/squid/5.7/squid: build/debian/bookworm-squid.package.tar
build/squid/6.13/squid: build/debian/trixie-squid.package.tar
build/dnsmasq/2.90/dnsmasq: build/debian/bookworm-dnsmasq-base.package.tar
build/dnsmasq/2.91/dnsmasq: build/debian/trixie-dnsmasq-base.package.tar
$(NFT) $(NAMES): tests/images/program.sh
	tests/images/program.sh $(filter %.tar,$^) $@

.PHONY: nft
nft: deps ## The nft of Debian 11, 12 and 13 as build/nft/VERSION/nft; squid and dnsmasq of Debian 12 and 13 beside it
	$(MAKE) -j3 $(NFT) $(NAMES)

.PHONY: images
images: nft ## podman images of Debian 11, 12 and 13
	tests/images/import.sh build/debian $(SUITES)

.PHONY: setup
setup: deps ## All of the above
	$(MAKE) -j4 venv $(NFT) $(NAMES)
	$(MAKE) images

## Checks ------------------------------------------------------------------------------------------------------------

.PHONY: test
test: setup ## Everything; ends with "N passed, N failed"
	$(PYTHON) tests/tools/report.py lint build unit integration molecule

.PHONY: lint
lint: venv ## ruff, mypy, shellcheck, ansible-lint with yamllint, documentation and changelog
	failed=0
	ruff check . || failed=1
	ruff format --check . || failed=1
	(cd $(ANSIBLE_COLLECTIONS_PATH) && mypy --config-file $(CURDIR)/pyproject.toml --cache-dir $(CURDIR)/.mypy_cache \
	    $(TYPED:%=-p ansible_collections.tidegate.nftables.%)) || failed=1
	shellcheck -x .ci/run $(wildcard tests/*/*.sh molecule/*/*.sh) || failed=1
	yamllint . || failed=1
	ansible-lint || failed=1
	antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs=self . || failed=1
	antsibull-changelog lint || failed=1
	exit $$failed

.PHONY: unit
unit: venv ## Unit tests: no root, no kernel
	$(PYTHON) -m pytest tests/unit --numprocesses=2 --junitxml=build/reports/unit.xml

.PHONY: integration
integration: venv nft ## Tests against real nft, in network namespaces of their own
	$(PYTHON) -m pytest tests/integration --numprocesses=2 --dist=loadfile --junitxml=build/reports/integration.xml

.PHONY: molecule
molecule: venv images ## Roles and modules on Debian 11, 12 and 13 (SCENARIOS="default observe" for some)
	tests/tools/molecule.sh $(SCENARIOS)

.PHONY: bench
bench: venv nft ## How long things take
	$(PYTHON) -m pytest tests/bench -s

.PHONY: demo
demo: ## The lab: five tiers, three outsiders, every pair tried over IPv4 and IPv6
	tests/tools/deps.sh demo
	$(MAKE) venv
	ansible-playbook -i playbooks/lab/inventory.yml playbooks/lab.yml

## What is written from code and data ---------------------------------------------------------------------------------

.PHONY: golden
golden: venv nft ## Write every golden file anew: tables of policies, examples in pages, the plan; read the difference
	$(PYTHON) -m pytest --regenerate

.PHONY: docs
docs: venv ## Write every table in pages that comes from data
	for script in docs/*_table*.py; do $(PYTHON) "$$script"; done

.PHONY: format
format: venv ## Sort imports and format all Python
	ruff check --quiet --select I --fix .
	ruff format .

## Packaging ---------------------------------------------------------------------------------------------------------

.PHONY: build
build: venv ## The collection's archive in build/, installed once to see that it is whole
	rm -rf build/*.tar.gz build/installed
	ansible-galaxy collection build --output-path build
	export ANSIBLE_COLLECTIONS_PATH=build/installed
	ansible-galaxy collection install --offline --force build/*.tar.gz
	for part in plugins roles playbooks meta; do
	    diff -rq --exclude=__pycache__ --exclude='.*' $$part build/installed/ansible_collections/tidegate/nftables/$$part
	done
	ansible-doc --list tidegate.nftables

.PHONY: clean
clean: ## Remove what was built (the virtual environment stays)
	rm -rf build .ansible .mypy_cache .pytest_cache .ruff_cache .hypothesis tests/output
