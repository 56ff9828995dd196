"""Runs golden vectors on a backend and writes what it returns, for `nnspec vectors check`.

nnspec vectors export vectors
python examples/run_vectors.py vectors outputs --backend torch
nnspec vectors check vectors outputs --name torch

Beside the backend it needs NumPy and safetensors, and nothing of the suite: an implementation in another language does
the same steps.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

import nnspec


def main() -> None:
    parser = argparse.ArgumentParser(description="Run golden vectors on a backend.")
    parser.add_argument("vectors", type=Path, help="what nnspec vectors export wrote")
    parser.add_argument("outputs", type=Path, help="folder to write to")
    parser.add_argument("--backend", required=True, help="registered name, or package.module:Class")
    arguments = parser.parse_args()
    manifest = json.loads((arguments.vectors / "manifest.json").read_text(encoding="utf-8"))
    arguments.outputs.mkdir(parents=True, exist_ok=True)
    errors: dict[str, dict[str, str]] = {}
    for dtype in manifest["dtypes"]:
        outputs = run_dtype(arguments.vectors, manifest, arguments.backend, dtype, errors)
        save_file(outputs, arguments.outputs / f"{dtype}.safetensors")
    (arguments.outputs / "errors.json").write_text(json.dumps(errors, indent=1), encoding="utf-8")


def run_dtype(
    folder: Path, manifest: dict[str, Any], name: str, dtype: str, errors: dict[str, dict[str, str]]
) -> dict[str, np.ndarray]:
    """Every case in one dtype: results by "CASE/DTYPE/value/0" and "CASE/DTYPE/gradient/x"; errors are added."""
    try:
        backend = nnspec.get_backend(name, dtype=dtype)
    except nnspec.DTypeError:
        return {}
    outputs: dict[str, np.ndarray] = {}
    files: dict[str, dict[str, np.ndarray]] = {}
    for case in manifest["cases"]:
        entry = case["dtypes"].get(dtype)
        if entry is None or entry.get("calls") is None:
            continue
        file = entry.get("file")
        if file is not None and file not in files:
            files[file] = load(folder / file)
        key = f"{case['id']}/{dtype}"
        try:
            for what, array in run_case(backend, entry, files.get(file, {})):
                outputs[f"{key}/{what}"] = np.array(array, order="C")
        except Exception as error:  # whatever it is, it is for the judge
            errors[key] = {"error": type(error).__name__, "message": str(error)}
    return outputs


def load(path: Path) -> dict[str, np.ndarray]:
    with safe_open(path, framework="np") as content:
        return {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118 - it is no dict


def run_case(backend: Any, entry: dict[str, Any], tensors: dict[str, np.ndarray]) -> Iterator[tuple[str, Any]]:
    """The results of a case, and its gradients where it asks for any."""

    def array(name: str) -> Any:
        return backend.asarray(tensors[name], dtype=tensors[name].dtype.name)

    inputs = {name: array(tensor) for name, tensor in entry.get("inputs", {}).items()}
    constants = [array(tensor) for tensor in entry.get("constants", [])]
    with np.errstate(all="ignore"):
        values = call_all(backend, entry, inputs, constants)
        yield from ((f"value/{i}", backend.to_numpy(x)) for i, x in enumerate(values))
        wanted = entry.get("gradients", {})
        if not wanted:
            return
        cotangents = entry["cotangents"]

        def floating(moving: dict[str, Any]) -> list[Any]:
            results = call_all(backend, entry, {**inputs, **moving}, constants)
            return [x for x, cotangent in zip(results, cotangents, strict=True) if cotangent is not None]

        _, pull = backend.vjp(floating, {name: inputs[name] for name in wanted})
        gradients = pull([array(cotangent) for cotangent in cotangents if cotangent is not None])[0]
        yield from ((f"gradient/{name}", backend.to_numpy(x)) for name, x in gradients.items())


def call_all(backend: Any, entry: dict[str, Any], inputs: dict[str, Any], constants: list[Any]) -> list[Any]:
    """Make the calls of a case in their order, and pick its values from their results."""
    results: list[Any] = []

    def value(node: Any) -> Any:
        if not isinstance(node, dict):
            return node
        ((kind, content),) = node.items()
        if kind == "input":
            return inputs[content]
        if kind == "constant":
            return constants[content]
        if kind == "result":
            found: Any = results
            for key in content:
                found = found[key]
            return found
        if kind == "float":
            return float(content)
        if kind == "dict":
            return {key: value(child) for key, child in content.items()}
        return {"tuple": tuple, "list": list}[kind](map(value, content))

    for call in entry["calls"]:
        arguments = {name: value(node) for name, node in call["arguments"].items()}
        results.append(getattr(backend, call["operation"])(**arguments))
    return [value(node) for node in entry.get("outputs", [])]


if __name__ == "__main__":
    main()
