"""Planted faults of optimizers that know of matrices."""

from __future__ import annotations

from nnspec_conformance.faults._fault import Planted

__all__ = ["FAULTS"]

FAULTS = Planted()

_MATRIX = "nnspec.ops.optimizers._matrix"
_FACTORS = f"{_MATRIX}:_by_factors"
_SHARE = f"{_MATRIX}:_share"
_SCHULZ = f"{_MATRIX}:_orthogonalized"
_NEXT = "nnspec.ops.optimizers._steps:next_step"
_MASK = ("decays(params, weight_decay, decay_mask)", "decays(params, weight_decay, None)")

# -- Adafactor -------------------------------------------------------------------------------------------------

FAULTS.edit(
    "ADAFACTOR_UPDATE-1",
    "missing term",
    "not-over-the-mean-of-all",
    "row / _mean(backend, row, (0,))",
    "row",
    within=_FACTORS,
)
FAULTS.edit(
    "ADAFACTOR_UPDATE-1",
    "precision loss",
    "product-of-row-and-column",
    "g / root(backend, relative) / root(backend, backend.xp.expand_dims(col, axis=0))",
    "g / root(backend, relative * backend.xp.expand_dims(col, axis=0))",
    within=_FACTORS,
)
FAULTS.edit(
    "ADAFACTOR_UPDATE-1",
    "rare option",
    "columns-averaged-over-the-field",
    "_mean(backend, square, (0,))",
    "(0.0 * col\n"
    "        + backend.xp.reshape(\n"
    "            _mean(backend, square, (0, *range(2, g.ndim))), (g.shape[1], *(1,) * (g.ndim - 2))))",
    within=_FACTORS,
)
FAULTS.edit(
    "ADAFACTOR_UPDATE-2",
    "wrong value",
    "mean-of-a-vector",
    "row = old * row + new * square\n        return",
    "row = old * row + new * (square * 0 + _mean(backend, square, tuple(range(g.ndim))))\n        return",
    within=_FACTORS,
)
FAULTS.edit(
    "ADAFACTOR_UPDATE-3",
    "lost state",
    "share-one-step-late",
    "exponent = -decay_rate * backend.xp.log(time)",
    "exponent = -decay_rate * backend.xp.log(time + 1)",
    within=_SHARE,
)
FAULTS.edit(
    "ADAFACTOR_UPDATE-3",
    "ignored option",
    "rate-of-the-default",
    "-decay_rate * backend",
    "-0.8 * backend",
    within=_SHARE,
)
FAULTS.edit(
    "ADAFACTOR_UPDATE-4",
    "wrong order",
    "eps-after-the-means",
    "g / root(backend, relative) / root(backend, backend.xp.expand_dims(col, axis=0))",
    "g / root(backend, relative) / root(backend, backend.xp.expand_dims(col + 100 * eps1, axis=0))",
    within=_FACTORS,
)
FAULTS.edit("ADAFACTOR_UPDATE-4", "missing term", "no-eps", "square = g * g + eps1", "square = g * g", within=_FACTORS)
FAULTS.edit(
    "ADAFACTOR_UPDATE-5",
    "missing term",
    "scaled-up-too",
    "self.xp.where(size <= clip_threshold, 1.0, size / clip_threshold)",
    "(size / clip_threshold)",
)
FAULTS.edit(
    "ADAFACTOR_UPDATE-6",
    "missing term",
    "absolute-steps",
    "self.xp.where(scale <= eps2, eps2, scale) * direction",
    "direction",
)
FAULTS.edit(
    "ADAFACTOR_UPDATE-6", "wrong value", "eps-added", "self.xp.where(scale <= eps2, eps2, scale)", "(scale + eps2)"
)
FAULTS.edit(
    "ADAFACTOR_UPDATE-7",
    "missing term",
    "never-falling",
    "backend.xp.where(falling >= _LARGEST, _LARGEST, falling)",
    "0.0 * falling + _LARGEST",
    within=f"{_MATRIX}:_relative",
)
FAULTS.edit(
    "ADAFACTOR_UPDATE-8",
    "wrong order",
    "moment-of-the-unclipped",
    "direction = direction / self.xp.where(size <= clip_threshold, 1.0, size / clip_threshold)\n"
    "        if moment:\n"
    "            direction = beta1 * moment[0] + (1 - beta1) * direction\n"
    "            moment = [direction]\n",
    "clip = self.xp.where(size <= clip_threshold, 1.0, size / clip_threshold)\n"
    "        if moment:\n"
    "            direction = beta1 * moment[0] + (1 - beta1) * direction\n"
    "            moment = [direction]\n"
    "        direction = direction / clip\n",
)
FAULTS.edit(
    "ADAFACTOR_UPDATE-8",
    "wrong value",
    "moment-corrected",
    "moment = [direction]",
    "moment = [direction]\n            direction = direction / (1 - beta1**time)",
)
FAULTS.edit("ADAFACTOR_UPDATE-9", "leaked mask", "mask-forgotten", *_MASK)
FAULTS.edit("ADAFACTOR_UPDATE-10", "lost state", "counts-by-two", "step, (1,)) + 1", "step, (1,)) + 2", within=_NEXT)

# -- Muon ------------------------------------------------------------------------------------------------------

FAULTS.edit("MUON_UPDATE-1", "wrong constant", "five-digits-of-another", "_B * gram", "-4.7740 * gram", within=_SCHULZ)
FAULTS.edit("MUON_UPDATE-1", "ignored option", "always-five-steps", "range(steps)", "range(5)", within=_SCHULZ)
FAULTS.edit(
    "MUON_UPDATE-1",
    "precision loss",
    "matrix-of-bfloat16",
    "tall = matrix",
    'matrix = matrix.astype("bfloat16").astype(matrix.dtype)\n    tall = matrix',
    within=_SCHULZ,
)
FAULTS.edit(
    "MUON_UPDATE-1",
    "wrong value",
    "largest-of-norm-and-eps",
    "x / (norm(backend, [x]) + _MUON_EPS)",
    "x / backend.xp.maximum(norm(backend, [x]), backend.xp.full_like(norm(backend, [x]), _MUON_EPS))",
    within=_SCHULZ,
)
FAULTS.edit("MUON_UPDATE-2", "ignored option", "always-nesterov", "if nesterov else v", "if True else v")
FAULTS.edit("MUON_UPDATE-2", "wrong order", "rate-accumulated", "v = momentum * v + g\n", "v = momentum * v + lr * g\n")
FAULTS.edit(
    "MUON_UPDATE-3", "swapped argument", "wide-matrices-larger", "if rows > columns > 0:", "if columns > rows > 0:"
)
FAULTS.edit("MUON_UPDATE-3", "missing term", "ratio-not-rooted", "math.sqrt(rows / columns)", "(rows / columns)")
FAULTS.edit(
    "MUON_UPDATE-4",
    "wrong axis",
    "all-axes-but-the-last",
    "p.shape[0], math.prod(p.shape[1:])",
    "math.prod(p.shape[:-1]), p.shape[-1]",
)
FAULTS.edit(
    "MUON_UPDATE-5",
    "special value",
    "zero-over-zero",
    "(norm(backend, [x]) + _MUON_EPS)",
    "norm(backend, [x])",
    within=_SCHULZ,
)
FAULTS.edit(
    "MUON_UPDATE-6",
    "wrong order",
    "decay-after-the-step",
    "return moved(self, p, direction, lr, decay), v",
    "return moved(self, p, direction, lr, 0.0) * (1 - lr * decay), v",
)
FAULTS.edit("MUON_UPDATE-6", "leaked mask", "mask-forgotten", *_MASK)
FAULTS.edit("MUON_UPDATE-7", "lost state", "counter-stands", 'next_step(self, state["step"])', 'state["step"]')
