# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the action egress_units, which does its work on the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
module: egress_units
short_description: Combine the hosts of each unit into one security group, network policy or file
version_added: 0.1.0
description:
  - Reads what P(tidegate.nftables.egress_render#module) returned for every host of the play and combines the hosts of
    each unit. A unit is a host's tier, unless C(egress_unit) names another.
  - Fails when the policies of hosts of one unit differ, naming hosts and entries, and when a host of the play was not
    rendered. Nothing is written then.
  - Prints how exactly the rendered policy differs from the policy of the hosts.
  - Runs on the controller only. Use it with C(run_once).
options:
  renders:
    description: Name of the variable under which P(tidegate.nftables.egress_render#module) was registered.
    type: str
    required: true
  dir:
    description:
      - Directory on the controller for one file for each unit, relative to where Ansible was started.
      - Nothing is written by default.
    type: path
  applied_by:
    description:
      - The collection with which a later task applies the units, such as V(amazon.aws) or V(kubernetes.core).
      - The task fails with one sentence when this collection is not installed.
    type: str
attributes:
  check_mode:
    description: Reports which files would change.
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
- name: Write one file for each unit
  tidegate.nftables.egress_units:
    renders: rendered
    dir: build/policies
  register: units
  run_once: true
"""

RETURN = r"""
units:
  description: One element for each unit.
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
      description: Content of its file. Null in mode V(absent).
      type: str
    data:
      description: The same as data, for modules that apply it.
      type: raw
    differences:
      description: How it differs from the policy, a sentence each.
      type: list
      elements: str
    notices:
      description: What else the authors of the policy should know.
      type: list
      elements: str
files:
  description: Paths of the files that changed, or would change.
  returned: success
  type: list
  elements: str
"""
