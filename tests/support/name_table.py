# Copyright: (c) 2026, the tidegate developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What patterns of names mean: one table for the grammar, the resolver and every program that is told of names."""

from __future__ import annotations

NAMES: dict[str, frozenset[str]] = {
    "api.example.com": frozenset({"api.example.com"}),
    "*.api.example.com": frozenset({"v1.api.example.com", "a.v1.api.example.com"}),
    ".api.example.com": frozenset({"api.example.com", "v1.api.example.com", "a.v1.api.example.com"}),
    "*.example.com": frozenset(
        {"api.example.com", "v1.api.example.com", "a.v1.api.example.com", "badapi.example.com", "_dmarc.example.com"}
    ),
    "_dmarc.example.com": frozenset({"_dmarc.example.com"}),
    "bücher.example": frozenset({"xn--bcher-kva.example"}),
}
"""Which of the names in `asked` each pattern means."""


def asked() -> list[str]:
    """Return every name of the table, and neighbours that no pattern means."""
    means = {name for names in NAMES.values() for name in names}
    return sorted(means | {"example.com", "com", "api.example.com.evil.example", "example.common.example", "api"})
