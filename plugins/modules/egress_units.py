# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action egress_units, which does its work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: egress_units
short_description: Make one security group, network policy or file of what the hosts of a unit have in common
version_added: 0.1.0
description:
  - Reads what P(tidegate.nftables.egress_render#module) returned for every host of the play and makes one thing a unit
    of it. A unit is a host's tier, unless C(egress_unit) names another.
  - Fails when hosts of one unit do not mean the same, naming hosts and entries, and when a host of the play was not
    rendered. Nothing is written then.
  - Prints how exactly what is rendered differs from the policy.
  - Runs on the controller only; use it with C(run_once).
options:
  renders:
    description: Name of the variable under which P(tidegate.nftables.egress_render#module) was registered.
    type: str
    required: true
  dir:
    description:
      - Directory on the controller to write one file a unit into, relative to where Ansible was started.
      - Without it nothing is written.
    type: path
attributes:
  check_mode:
    description: Tells which files would change.
    support: full
  diff_mode:
    description: Shows the files before and after.
    support: full
seealso:
  - module: tidegate.nftables.egress_render
author:
  - The tidegate developers (@tidegate)
"""

EXAMPLES = r"""
- name: Write one file a unit
  tidegate.nftables.egress_units:
    renders: rendered
    dir: build/policies
  register: units
  run_once: true
"""

RETURN = r"""
units:
  description: One element a unit.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The unit.
      type: str
      sample: app
    mode:
      description: The mode of its hosts.
      type: str
      sample: enforce
    hosts:
      description: Its hosts.
      type: list
      elements: str
    file:
      description: Name of its file.
      type: str
      sample: tidegate-app.yaml
    text:
      description: Content of its file; null in mode V(absent).
      type: str
    data:
      description: The same as data, for modules that apply it.
      type: raw
    differences:
      description: How it differs from the policy, a sentence each.
      type: list
      elements: str
    notices:
      description: What else should be known.
      type: list
      elements: str
files:
  description: Paths of the files that changed, or would change.
  returned: success
  type: list
  elements: str
"""
