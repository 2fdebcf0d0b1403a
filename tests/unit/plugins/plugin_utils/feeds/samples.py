# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents as large publishers shape them, made up: the addresses are random, the sizes and keys are plausible."""

from __future__ import annotations

import ipaddress
import json
import random
from typing import Any

REGIONS = ("GLOBAL", "eu-central-1", "eu-west-1", "ap-south-1", "us-east-1", "us-west-2")
SERVICES = ("CLOUDFRONT", "DYNAMODB", "EC2", "EBS", "ROUTE53_HEALTHCHECKS", "S3")


def network(dice: random.Random, version: int, shortest: int, longest: int) -> str:
    """One network with its prefix length between the two."""
    length, bits = dice.randint(shortest, longest), 32 if version == 4 else 128
    first = dice.randint(0x01000000, 0xDFFFFFFF) if version == 4 else 0x26 << 120 | dice.getrandbits(110)
    value = first >> (bits - length) << (bits - length)
    return str(ipaddress.ip_network((value, length)))


def ip_ranges(rows4: int = 7000, rows6: int = 3000, seed: int = 1) -> dict[str, Any]:
    """AWS's ip-ranges.json: every network is listed once as AMAZON's and most once more as a service's."""
    dice = random.Random(seed)

    def rows(count: int, version: int, key: str) -> list[dict[str, str]]:
        entries: list[dict[str, str]] = []
        while len(entries) < count:
            prefix, region = network(dice, version, *((13, 28) if version == 4 else (36, 64))), dice.choice(REGIONS)
            entries.extend(
                {key: prefix, "region": region, "service": service, "network_border_group": region}
                for service in ("AMAZON", dice.choice(SERVICES))
            )
        return entries[:count]

    return {
        "syncToken": "1795000000",
        "createDate": "2026-11-18-11-06-40",
        "prefixes": rows(rows4, 4, "ip_prefix"),
        "ipv6_prefixes": rows(rows6, 6, "ipv6_prefix"),
    }


def github_meta(seed: int = 2) -> dict[str, Any]:
    """GitHub's meta: short lists for its services and thousands of small networks for its runners."""
    dice = random.Random(seed)
    some = [network(dice, 4, 20, 32) for _time in range(30)] + [network(dice, 6, 32, 48) for _time in range(4)]
    runners = [network(dice, 4, 20, 31) for _time in range(5500)] + [network(dice, 6, 40, 56) for _time in range(1200)]
    return {
        "verifiable_password_authentication": False,
        "ssh_key_fingerprints": {"SHA256_ED25519": "a" * 43},
        "hooks": some[:6],
        "git": some,
        "actions": runners,
        "domains": {"website": ["*.example.org"]},
    }


def as_bytes(document: Any) -> bytes:
    return json.dumps(document, indent=2).encode()
