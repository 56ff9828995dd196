"""What pytest collects: one test a backend, case and dtype."""

from __future__ import annotations

import pytest

from nnspec_conformance.plugin import SESSION
from nnspec_conformance.report import complaint
from nnspec_conformance.session import BAD, Item


def test_conforms(nnspec_item: Item, request: pytest.FixtureRequest) -> None:
    """Every check of the case passes, or is waived or undecided."""
    session = request.config.stash[SESSION]
    checks = session.run(nnspec_item, request.node.user_properties)
    failures = [c for c in checks if c.verdict in BAD]
    if failures:
        pytest.fail("\n".join(map(complaint, failures)), pytrace=False)
    if checks and all(c.verdict in ("waived", "undecided") for c in checks):
        pytest.skip(f"{checks[0].verdict}: {checks[0].waiver or checks[0].message}")
