"""Compiled functions as the list of kernels they come to: no autograd, no checks, no Python of the model.

`_compiled` decides when a function is run as it is, traced, or replayed; `_trace` makes the list, `_aliases` knows what
shares memory and what is written to, `_simplify` leaves out what does nothing; `_replay` runs it over donated buffers.
"""

from nnspec_backends.torch._plan._compiled import Compiled, compiles_at_once

__all__ = ["Compiled", "compiles_at_once"]
