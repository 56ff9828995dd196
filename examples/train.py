"""A classifier written once, trained on the backend that is named: python examples/train.py [numpy|torch|jax]."""

from __future__ import annotations

import sys

import numpy as np
from sklearn.datasets import load_digits

import nnspec


def main(name: str) -> None:
    """Train on 1,400 of scikit-learn's handwritten digits, test on the rest."""
    B = nnspec.get_backend(name)
    pixels, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(labels))
    pixels, labels = pixels[order], labels[order]
    x, y = B.asarray(pixels / 16), B.asarray(labels)
    key = B.key(0)

    first, second, dropout = B.split(key, 3)
    params = {
        "hidden": {"weight": B.init_xavier_uniform(first, (64, 64)), "bias": B.init_zeros((64,))},
        "output": {"weight": B.init_xavier_uniform(second, (10, 64)), "bias": B.init_zeros((10,))},
    }

    def logits(params, x, key=None):
        hidden = B.relu(B.linear(x, **params["hidden"]))
        hidden = B.dropout(hidden, rate=0.2, key=key, training=key is not None)
        return B.linear(hidden, **params["output"])

    def step(params, state, x, y):
        def loss(params):
            return B.cross_entropy(logits(params, x, B.fold_in(dropout, state["step"])), y)

        value, grads = B.value_and_grad(loss)(params)
        params, state = B.adam_update(params, grads, state, lr=0.005)
        return params, state, value

    step = B.compile(step, donate=(0, 1))
    state = B.adam_init(params)
    for epoch in range(10):
        for start in range(0, 1400, 100):
            params, state, value = step(params, state, x[start : start + 100], y[start : start + 100])
        print(f"epoch {epoch}: loss {float(value):.4f}")
    right = np.argmax(B.to_numpy(logits(params, x[1400:])), axis=1) == labels[1400:]
    print(f"{name}: {right.mean():.1%} of {right.size} unseen digits right")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "numpy")
