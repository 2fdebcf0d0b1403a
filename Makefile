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
NAMES := build/squid/4.13/squid build/squid/5.7/squid build/squid/6.13/squid build/dnsmasq/2.90/dnsmasq build/dnsmasq/2.91/dnsmasq \
    build/ulogd/2.0.8/ulogd build/prometheus/2.42.0/prometheus build/prometheus/2.42.0/promtool build/rsyslog/8.2302.0/rsyslogd
UNBOUND := $(foreach version,1.13.1 1.17.1 1.26.2,$(addprefix build/unbound/$(version)/,unbound unbound-checkconf))
AXE := build/axe/axe.min.js
DEBS := $(foreach kind,debs managers-debs squid-debs,$(SUITES:%=build/debian/%-$(kind)/Packages))
RULEBOOK := build/rulebook/bin/ansible-rulebook
TYPED := plugins playbooks tests molecule extensions
SCENARIOS := $(notdir $(patsubst %/molecule.yml,%,$(wildcard molecule/*/molecule.yml)))

export PATH := $(VENV)/bin:$(PATH):/usr/sbin:/sbin
export LC_ALL := C.UTF-8
# This checkout, not a copy that happens to be installed for the user.
export ANSIBLE_COLLECTIONS_PATH := $(VENV)/collections
# Of each process of pytest, half of the start is compiling what bytecode keeps: tests, and plugins such as Hypothesis.
unexport PYTHONDONTWRITEBYTECODE

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

$(AXE): tests/tools/axe.txt tests/tools/axe.sh .venv/complete
	tests/tools/axe.sh $@

# Of its own: it has requirements that ours know nothing of, and Java.
$(RULEBOOK): tests/tools/rulebook.txt requirements.txt .venv/complete
	uv venv --quiet --allow-existing --python $(PYTHON) build/rulebook
	uv pip install --quiet --python build/rulebook --requirement tests/tools/rulebook.txt --requirement requirements.txt
	touch $@

build/debian/%-$(INPUTS).tar:
	tests/images/build.sh $* $@

build/nft/0.9.8/nft: build/debian/bullseye-$(INPUTS).tar
build/nft/1.0.6/nft: build/debian/bookworm-$(INPUTS).tar
build/nft/1.1.3/nft: build/debian/trixie-$(INPUTS).tar

build/debian/bullseye-%.package.tar: build/debian/bullseye-$(INPUTS).tar tests/images/extract.sh
	tests/images/extract.sh bullseye $* $< $@
build/debian/bookworm-%.package.tar: build/debian/bookworm-$(INPUTS).tar tests/images/extract.sh
	tests/images/extract.sh bookworm $* $< $@
build/debian/trixie-%.package.tar: build/debian/trixie-$(INPUTS).tar tests/images/extract.sh
	tests/images/extract.sh trixie $* $< $@

build/squid/4.13/squid: build/debian/bullseye-squid-openssl.package.tar
build/squid/5.7/squid: build/debian/bookworm-squid-openssl.package.tar
build/squid/6.13/squid: build/debian/trixie-squid-openssl.package.tar
build/dnsmasq/2.90/dnsmasq: build/debian/bookworm-dnsmasq-base.package.tar
build/dnsmasq/2.91/dnsmasq: build/debian/trixie-dnsmasq-base.package.tar
build/prometheus/2.42.0/prometheus build/prometheus/2.42.0/promtool: build/debian/bookworm-prometheus.package.tar
build/ulogd/2.0.8/ulogd: build/debian/bookworm-ulogd2-json.package.tar
build/rsyslog/8.2302.0/rsyslogd: build/debian/bookworm-rsyslog.package.tar
build/unbound/1.13.1/unbound build/unbound/1.13.1/unbound-checkconf: build/debian/bullseye-unbound,python3-unbound.package.tar
build/unbound/1.17.1/unbound build/unbound/1.17.1/unbound-checkconf: build/debian/bookworm-unbound,python3-unbound.package.tar
build/unbound/1.26.2/unbound build/unbound/1.26.2/unbound-checkconf: build/debian/trixie-unbound,python3-unbound.package.tar
$(NFT) $(NAMES) $(UNBOUND): tests/images/program.sh
	tests/images/program.sh $(filter %.tar,$^) $@

# What a host needs for names and logs, and what other hosts have its name service from.
DEBS_OF_NAMES := "python3-apt unbound python3-unbound"
DEBS_bookworm := $(DEBS_OF_NAMES) systemd-resolved apparmor "ulogd2 ulogd2-json logrotate"
build/debian/%-debs/Packages: build/debian/%-$(INPUTS).tar tests/images/debs.sh
	tests/images/debs.sh $< $(@D) $(or $(DEBS_$*),$(DEBS_OF_NAMES))

build/debian/%-managers-debs/Packages: build/debian/%-$(INPUTS).tar tests/images/debs.sh
	tests/images/debs.sh $< $(@D) resolvconf network-manager

build/debian/%-squid-debs/Packages: build/debian/%-$(INPUTS).tar tests/images/debs.sh
	tests/images/debs.sh $< $(@D) "python3-apt squid-openssl openssl"

.PHONY: nft
nft: deps ## The nft of Debian 11, 12 and 13 as build/nft/VERSION/nft; unbound, squid and dnsmasq beside it
	$(MAKE) -j3 $(NFT) $(NAMES) $(UNBOUND) $(DEBS)

.PHONY: images
images: nft ## podman images of Debian 11, 12 and 13
	tests/images/import.sh build/debian $(SUITES)

.PHONY: setup
setup: deps ## All of the above
	$(MAKE) -j4 venv $(NFT) $(NAMES) $(UNBOUND) $(AXE) $(RULEBOOK) $(DEBS)
	$(MAKE) images

## Checks ------------------------------------------------------------------------------------------------------------

.PHONY: test
test: setup ## Everything; ends with "N passed, N failed"
	$(PYTHON) tests/tools/report.py build unit+lint integration+molecule

.PHONY: lint
lint: venv ## ruff, mypy, shellcheck, yamllint, ansible-lint, documentation, changelog, spelling, licences, workflows
	failed=0
	ruff check . || failed=1
	ruff format --check . || failed=1
	(cd $(ANSIBLE_COLLECTIONS_PATH) && mypy --config-file $(CURDIR)/pyproject.toml --cache-dir $(CURDIR)/.mypy_cache \
	    $(TYPED:%=-p ansible_collections.tidegate.nftables.%)) || failed=1
	shellcheck -x .ci/run $(wildcard tests/*/*.sh tests/integration/targets/*/*.sh molecule/*/*.sh) || failed=1
	yamllint . || failed=1
	ansible-lint || failed=1
	(cd docs/examples/site && ansible-lint --profile production --offline) || failed=1
	antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs=self . || failed=1
	antsibull-changelog lint || failed=1
	git ls-files -z | xargs -0 codespell || failed=1
	reuse lint --lines || failed=1
	check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml || failed=1
	zizmor --offline --no-progress --quiet .github || failed=1
	exit $$failed

.PHONY: unit
unit: venv ## Unit tests: no root, no kernel
	$(PYTHON) -m pytest tests/unit --numprocesses=2 --junitxml=build/reports/unit.xml

.PHONY: integration
integration: venv nft $(AXE) $(RULEBOOK) ## Tests against real nft, in network namespaces of their own
	# A part of their time is waiting, so one more than cores; in the order of tests/integration/conftest.py.
	$(PYTHON) -m pytest tests/integration --numprocesses=$$(($$(nproc) + 1)) --dist=loadfile --no-loadscope-reorder \
	    --junitxml=build/reports/integration.xml

.PHONY: molecule
molecule: venv images ## Roles and modules on Debian 11, 12 and 13 (SCENARIOS="default observe" for some)
	tests/tools/molecule.sh $(SCENARIOS)

## Slow checks, for a release -----------------------------------------------------------------------------------------

CORES := 2.17:3.11 2.18:3.12 2.19:3.12 2.20:3.13 2.21:3.13
ANSIBLE_TEST := $(PYTHON) tests/tools/run_ansible_test.py
CONTROLLER = $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
TARGETS := 3.8 3.9 3.10 3.11 3.12 3.13

.PHONY: gates
gates: setup ## ansible-test, galaxy-importer, rendered documentation and five ansible-cores; ends with "N passed, N failed"
	$(PYTHON) tests/tools/report.py sanity ansible-units ansible-integration importer html cores

.PHONY: sanity
sanity: venv ## ansible-test sanity, target code on Python 3.8 to 3.13 (TARGETS="3.8 3.13" for some)
	$(ANSIBLE_TEST) sanity --controller origin:python=$(CONTROLLER) $(TARGETS:%=--target-python %)

.PHONY: ansible-units
ansible-units: venv ## The unit tests as ansible-test runs them
	$(ANSIBLE_TEST) units --python $(CONTROLLER)

.PHONY: ansible-integration
ansible-integration: venv ## The targets of ansible-test, in a network namespace
	$(ANSIBLE_TEST) integration --python $(CONTROLLER)

.PHONY: importer
importer: build ## What Galaxy does with the archive: no warning
	tests/tools/importer.sh build/*.tar.gz

.PHONY: html
html: venv ## The documentation of the plugins as HTML, in build/html; a warning fails
	rm -rf build/html
	mkdir -p -m 700 build/html/rst
	antsibull-docs collection --use-current --squash-hierarchy --fail-on-error --dest-dir build/html/rst tidegate.nftables
	# References to ansible-core's own pages need its index, which is not here; ours are checked by make lint.
	sphinx-build -q -W --keep-going -C -D extensions=sphinx_antsibull_ext -D html_theme=alabaster -D project=tidegate.nftables \
	    -D pygments_style=ansible -D highlight_language=YAML+Jinja -D suppress_warnings=ref.ref build/html/rst build/html

.PHONY: cores
cores: venv nft ## Every playbook, action, module and filter with ansible-core 2.17 to 2.21 (CORES="2.17:3.11" for one)
	tests/tools/cores.sh $(CORES)

COVERED := tests/unit tests/integration

.PHONY: coverage
coverage: venv nft ## Lines and branches that tests run, also on hosts; fails below 95 % and 90 % (COVERED=tests/unit for some)
	failed=0
	rm -rf build/coverage
	mkdir -p build/coverage
	tests/tools/coverage.sh $(PYTHON) -m coverage run -m pytest $(COVERED) --numprocesses=$$(($$(nproc) + 1)) --dist=loadfile --no-loadscope-reorder || failed=1
	$(PYTHON) tests/tools/coverage_report.py || failed=1
	exit $$failed

MUTANTS := algebra compiler plan guard

.PHONY: mutants
mutants: venv nft ## Change the code in places drawn at random: does a test notice? (MUTANTS=plan SAMPLE=20 for some; 0: all)
	failed=0
	for room in $(MUTANTS); do tests/tools/mutants.sh $$room $(SAMPLE) || failed=1; done
	exit $$failed

.PHONY: attack
attack: venv nft ## Attack a host and the controller as hostile people would, and print what got through
	$(PYTHON) -m ansible_collections.tidegate.nftables.tests.attack
	$(PYTHON) -m pytest -q tests/integration/attack/test_playbooks.py tests/integration/guard/test_without_nft.py tests/integration/policy/test_flood.py

.PHONY: bench
bench: venv nft ## How long things take
	$(PYTHON) -m pytest tests/bench -s

.PHONY: fleet
fleet: venv ## The unchanged role beside ping, on N network namespaces                       (root)
	$(PYTHON) -m ansible_collections.tidegate.nftables.tests.bench.namespaces $(or $(N),20) 5

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

.PHONY: pins
pins: venv ## Write the newest versions that requirements-dev.in allows, with hashes, to requirements-dev.txt
	uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate \
	    --custom-compile-command "make pins" requirements-dev.in --output-file requirements-dev.txt

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
