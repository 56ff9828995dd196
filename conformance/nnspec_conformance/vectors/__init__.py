"""Golden vectors: calls, inputs, references and units in files, so that any language can be judged by them.

A folder holds `manifest.json`, which `schema.json` describes, and one safetensors file a family and dtype. What writes
it computes the references; what reads it and judges by it imports no reference.
"""

from __future__ import annotations

__all__: list[str] = []
