"""The plain recurrent network."""

from __future__ import annotations

from collections.abc import Sequence

from nnspec import _validate as check
from nnspec.operation import Array, Family, operation
from nnspec.ops.recurrent._cells import RNN
from nnspec.ops.recurrent._checks import network
from nnspec.ops.recurrent._stack import Between, Layers, Stack, States

__all__ = ["Simple"]


def _rnn(
    self: Family,
    x: Array,
    params: Layers,
    state: Layers | None = None,
    *,
    nonlinearity: str = "tanh",
    lengths: Array | None = None,
    rate: float = 0.0,
    key: Array | None = None,
    masks: Sequence[Array] | None = None,
    site: int = 0,
    training: bool = True,
) -> None:
    check.choice("nonlinearity", nonlinearity, tuple(RNN))
    between = Between(rate, key, masks, site, training)
    network(self, RNN[nonlinearity], x, params, state, lengths, between)


class Simple(Stack):
    """One state, and no gates."""

    @operation(since="1.0", check=_rnn)
    def rnn(
        self,
        x: Array,
        params: Layers,
        state: Layers | None = None,
        *,
        nonlinearity: str = "tanh",
        lengths: Array | None = None,
        rate: float = 0.0,
        key: Array | None = None,
        masks: Sequence[Array] | None = None,
        site: int = 0,
        training: bool = True,
    ) -> tuple[Array, States]:
        """Recurrent network of Elman: `h_t = f(W x_t + R h_(t-1) + b)` with f = tanh or relu.

        Args:
            x: `(batch, time, features)`, floating.
            params: a list of layers, each a dict of arrays of the dtype of `x`:
                "weight" W `(hidden, features)`, "recurrent_weight" R `(hidden, hidden)` and "bias" b `(hidden,)`.
                A bidirectional layer is a dict of two such dicts, "forward" and "backward"; all layers are, or none.
                `features` is that of `x` in the first layer, then `directions * hidden` of the layer before.
            state: what the layers start from, None for zeros: a list, for each layer a dict of
                "hidden", `(batch, hidden)`, or a dict "forward" and "backward" of two such.
            nonlinearity: f: "tanh" or "relu".
            lengths: `(batch,)`, integers in [0, time]: how many steps each sequence has; None for all.
            rate: probability that an element is dropped between two layers, in [0, 1].
            key: `(2,)`, int32: draws the masks of that dropout, layer l's at site `site + l`.
            masks: a list with the mask of every layer but the last, `(batch, time, directions * hidden)`, boolean,
                True where an output is kept; in place of `key`.
            site: number of the first of these dropouts in the model.
            training: whether to drop at all.

        Returns:
            `(outputs, state)`: outputs of the last layer, `(batch, time, directions * hidden)`, the forward
            direction's first; and the state after each sequence's last step, a list like the argument `state`.

        Raises:
            DTypeError: `x` is not floating, an array of `params` or `state` not of its dtype, `lengths` not integer,
                a mask not boolean, or `key` not int32.
            ShapeError: `x` has not three axes, or an array does not fit.
            ArgumentError: `params`, `state` or `masks` is not made as above, a length is outside [0, time], `rate`
                outside [0, 1], `nonlinearity` another, or in training with several layers and `rate > 0` neither or
                both of `key` and `masks` are given.

        Requires:
            [RNN-1] The recurrent weight multiplies the state, the weight the input, as in `linear`; the one bias is
                added once.
            [RNN-2] The nonlinearity is the one named.
            [RNN-3] Layer l + 1 reads the outputs of layer l.
            [RNN-4] A backward direction reads the steps from the last to the first. Its outputs stand at the steps
                they belong to, after those of the forward direction on the last axis; its end is the first step.
            [RNN-5] Every layer and direction starts from its own entry of `state`, or from zeros. A run split in
                time, the second part starting from the state that the first ends with, equals the whole run.
            [RNN-6] With lengths, outputs beyond a sequence's end are 0, the state returned is that at its end, and
                the backward direction starts there. A sequence of length 0 ends with the state that it starts from.
            [RNN-7] What x holds beyond a sequence's end changes nothing, infinities and NaN included; its derivative
                is 0.
            [RNN-8] Between two layers, and not after the last, outputs are dropped elementwise as by `dropout`,
                with the masks given or those of `dropout_mask(key, shape, rate=rate, site=site + l)`.
            [RNN-9] Without training, or with a rate of 0, nothing is dropped.
            [RNN-10] Every sequence of the batch is computed by itself.
            [RNN-11] Products and sums of float32 are those of IEEE float32 or better, not TF32 or bfloat16.

        Differs:
            torch and cuDNN add two biases, both of which are trained; their sum is the bias here. torch stacks the
            states of layers and directions in one array and has no packed sequence of length 0. A masked step of
            Keras repeats the output before it unless zero_output_for_mask is set; ONNX has an axis of directions.

        Source:
            Elman, "Finding Structure in Time", 1990; Schuster and Paliwal, "Bidirectional Recurrent Neural
            Networks", 1997; Zaremba et al., "Recurrent Neural Network Regularization", 2014 (dropout between layers).

        Example:
            >>> layer = {"weight": B.asarray([[1.0]]), "recurrent_weight": B.asarray([[2.0]]), "bias": B.asarray([0.5])}
            >>> outputs, state = B.rnn(B.asarray([[[1.0], [0.0], [-9.0]]]), [layer], nonlinearity="relu")
            >>> B.to_numpy(outputs).tolist(), B.to_numpy(state[0]["hidden"]).tolist()
            ([[[1.5], [3.5], [0.0]]], [[0.0]])
        """
        cell = RNN[nonlinearity]
        between = Between(rate, key, masks, site, training)
        return self._stacked(cell, self._unrolled(cell), x, params, state, lengths, between)
