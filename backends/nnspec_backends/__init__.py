"""The backends that ship with nnspec, each registered like any other."""
