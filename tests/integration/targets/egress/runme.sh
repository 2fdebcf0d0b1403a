#!/usr/bin/env bash
# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A target of ansible-test: the role on a host that is a network namespace, from nothing to nothing.
set -euo pipefail
export TIDEGATE_TEST_NAMESPACE=tidegate-ansible-test-$$
ip netns add "$TIDEGATE_TEST_NAMESPACE"
trap 'ip netns del "$TIDEGATE_TEST_NAMESPACE"; rm -rf "/run/tidegate-netns/$TIDEGATE_TEST_NAMESPACE"' EXIT

run() { ansible-playbook -i inventory.yml "$@"; }

run site.yml --check --diff
run site.yml | grep 'changed=1 '
run site.yml | grep 'changed=0 '
run tidegate.nftables.verify
run site.yml -e egress_mode=absent | grep 'changed=1 '
[ -z "$(ip netns exec "$TIDEGATE_TEST_NAMESPACE" nft list ruleset)" ]
