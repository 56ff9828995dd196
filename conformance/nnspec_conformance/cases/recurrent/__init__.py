"""Inputs for recurrent networks."""

from __future__ import annotations

from nnspec_conformance.cases.recurrent import _gru, _lstm, _rnn

__all__ = ["CASES"]

CASES = [*_rnn.CASES, *_lstm.CASES, *_gru.CASES]
