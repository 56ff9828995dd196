"""Which laws hold for which operations: a module a family."""
