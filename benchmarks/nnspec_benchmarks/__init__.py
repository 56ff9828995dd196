"""Training loops written by hand, one module a framework, and the same models written once over a Backend.

`nnspec bench` runs them beside one another. A framework is imported only inside the module that needs it.
"""
