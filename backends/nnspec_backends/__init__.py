"""The backends that ship with nnspec: `numpy`, `torch` and `jax`, registered like any other by `plugin`.

Importing this package imports no framework; each backend's own package does.
"""
