"""A backend with a source of its own to change, for tests of source mutants."""
