"""What keeps a function from being planned."""

__all__ = ["UnplannableError"]


class UnplannableError(Exception):
    """The function is run as it is."""
