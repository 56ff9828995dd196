"""The two numbers that decide, for every operation alike; nothing else in the suite is a tolerance."""

from __future__ import annotations

__all__ = ["GRADIENTS", "LIMITS", "VALUES"]

#: units of rounding by which a value may differ from the reference
VALUES = 8.0
#: the same for gradients
GRADIENTS = 8.0
LIMITS = {"values": VALUES, "gradients": GRADIENTS}
