"""Inputs for optimizers and gradient clipping.

Updates are not differentiated. Every optimizer is tried on single steps, one a requirement, and on trajectories of 50
steps whose rounding the reference carries all the way. Parameters are partly 0, so that nothing hides behind their
size; gradients go from 1 down to 1e-10 and to exact zeros, since that is where the places of eps differ; the learning
rate changes, since that is where the kinds of momentum differ. The cases of one operation come in the order of what
builds on what: the first that fails names the requirement to blame.
"""

from __future__ import annotations

from nnspec_conformance.cases.optimizers import (
    _adafactor,
    _adam,
    _adam_variants,
    _adaptive,
    _clipping,
    _init,
    _lamb,
    _lion,
    _long,
    _loss_scaling,
    _muon,
    _rmsprop,
    _rprop,
    _sgd,
    _wrappers,
)

__all__ = ["CASES"]

CASES = [
    *_init.CASES,
    *_sgd.CASES,
    *_rmsprop.CASES,
    *_adam.CASES,
    *_adaptive.CASES,
    *_rprop.CASES,
    *_adam_variants.CASES,
    *_lion.CASES,
    *_lamb.CASES,
    *_adafactor.CASES,
    *_muon.CASES,
    *_clipping.CASES,
    *_wrappers.CASES,
    *_loss_scaling.CASES,
    *_long.CASES,
]
