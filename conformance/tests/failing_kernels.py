"""A module of kernels that cannot be imported."""

raise RuntimeError("no GPU here")
