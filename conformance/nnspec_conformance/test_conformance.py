"""What pytest collects: `test_conforms`, one item a backend, case and dtype, which the plugin makes and runs."""

from __future__ import annotations

import pytest

from nnspec_conformance.report import complaint
from nnspec_conformance.session import BAD, Item, Session


def test_conforms(session: Session, item: Item, properties: list[tuple[str, object]]) -> None:
    """Every check of the case passes, or is waived or undecided."""
    checks = session.run(item, properties)
    failures = [c for c in checks if c.verdict in BAD]
    if failures:
        pytest.fail("\n".join(map(complaint, failures)), pytrace=False)
    if checks and all(c.verdict in ("waived", "undecided") for c in checks):
        pytest.skip(f"{checks[0].verdict}: {checks[0].waiver or checks[0].message}")
