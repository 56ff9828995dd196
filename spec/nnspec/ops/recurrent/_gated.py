"""Recurrent networks with gates."""

from __future__ import annotations

from collections.abc import Sequence

from nnspec.operation import Array, Family, operation
from nnspec.ops.recurrent._cells import GRU, LSTM
from nnspec.ops.recurrent._checks import network
from nnspec.ops.recurrent._stack import Between, Layers, Stack, States

__all__ = ["Gated"]


def _lstm(
    self: Family,
    x: Array,
    params: Layers,
    state: Layers | None = None,
    *,
    lengths: Array | None = None,
    rate: float = 0.0,
    key: Array | None = None,
    masks: Sequence[Array] | None = None,
    site: int = 0,
    training: bool = True,
) -> None:
    network(self, LSTM, x, params, state, lengths, Between(rate, key, masks, site, training))


def _gru(
    self: Family,
    x: Array,
    params: Layers,
    state: Layers | None = None,
    *,
    lengths: Array | None = None,
    rate: float = 0.0,
    key: Array | None = None,
    masks: Sequence[Array] | None = None,
    site: int = 0,
    training: bool = True,
) -> None:
    network(self, GRU, x, params, state, lengths, Between(rate, key, masks, site, training))


class Gated(Stack):
    """Long short-term memory, and the gated recurrent unit."""

    @operation(since="1.0", check=_lstm)
    def lstm(
        self,
        x: Array,
        params: Layers,
        state: Layers | None = None,
        *,
        lengths: Array | None = None,
        rate: float = 0.0,
        key: Array | None = None,
        masks: Sequence[Array] | None = None,
        site: int = 0,
        training: bool = True,
    ) -> tuple[Array, States]:
        """Long short-term memory: `c_t = f c_(t-1) + i g`, `h_t = o tanh(c_t)`.

        The gates are `i, f, o = sigmoid(a_i), sigmoid(a_f), sigmoid(a_o)` and `g = tanh(a_g)`, where
        `(a_i, a_f, a_g, a_o) = W x_t + R h_(t-1) + b`.

        Args:
            x: `(batch, time, features)`, floating.
            params: a list of layers, each a dict of arrays of the dtype of `x`:
                "weight" W `(4 * hidden, features)`, "recurrent_weight" R `(4 * hidden, hidden)` and
                "bias" b `(4 * hidden,)`.
                A bidirectional layer is a dict of two such dicts, "forward" and "backward"; all layers are, or none.
                `features` is that of `x` in the first layer, then `directions * hidden` of the layer before.
            state: what the layers start from, None for zeros: a list, for each layer a dict of
                "hidden" and "cell", both `(batch, hidden)`, or a dict "forward" and "backward" of two such.
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
                outside [0, 1], or in training with several layers and `rate > 0` neither or
                both of `key` and `masks` are given.

        Requires:
            [LSTM-1] The rows of the weights and of the one bias are those of the gates i, f, g, o in this order; the
                bias is added once, and nothing else to the forget gate.
            [LSTM-2] With f = 1 and i = 0 the cell is carried unchanged through any number of steps, and so is its
                derivative.
            [LSTM-3] Layer l + 1 reads the outputs of layer l.
            [LSTM-4] A backward direction reads the steps from the last to the first. Its outputs stand at the steps
                they belong to, after those of the forward direction on the last axis; its end is the first step.
            [LSTM-5] Every layer and direction starts from its own entry of `state`, or from zeros. A run split in
                time, the second part starting from the state that the first ends with, equals the whole run.
            [LSTM-6] With lengths, outputs beyond a sequence's end are 0, the state returned is that at its end, and
                the backward direction starts there. A sequence of length 0 ends with the state that it starts from.
            [LSTM-7] What x holds beyond a sequence's end changes nothing, infinities and NaN included; its derivative
                is 0.
            [LSTM-8] Between two layers, and not after the last, outputs are dropped elementwise as by `dropout`,
                with the masks given or those of `dropout_mask(key, shape, rate=rate, site=site + l)`.
            [LSTM-9] Without training, or with a rate of 0, nothing is dropped.
            [LSTM-10] Every sequence of the batch is computed by itself.
            [LSTM-11] Products and sums of float32 are those of IEEE float32 or better, not TF32 or bfloat16.

        Differs:
            torch and cuDNN add two biases, both of which are trained; their sum is the bias here. torch stacks the
            states of layers and directions in one array and has no packed sequence of length 0. A masked step of
            Keras repeats the output before it unless zero_output_for_mask is set. ONNX has the gates in the order
            i, o, f, g, and an axis of directions. TensorFlow 1 adds 1 to the forget gate; here that is a matter of
            the initial bias.

        Source:
            Hochreiter and Schmidhuber, "Long Short-Term Memory", 1997; Gers et al., "Learning to Forget", 2000;
            Graves and Schmidhuber, "Framewise Phoneme Classification with Bidirectional LSTM", 2005; Zaremba et al.,
            "Recurrent Neural Network Regularization", 2014 (dropout between layers).

        Example:
            >>> layer = {
            ...     "weight": B.asarray([[0.0], [0.0], [1.0], [0.0]]),
            ...     "recurrent_weight": B.asarray([[0.0]] * 4),
            ...     "bias": B.asarray([99.0, 99.0, 0.0, 99.0]),
            ... }
            >>> outputs, state = B.lstm(B.asarray([[[99.0], [99.0], [-99.0]]]), [layer])
            >>> B.to_numpy(outputs).astype(float).round(4).tolist(), B.to_numpy(state[0]["cell"]).tolist()
            ([[[0.7616], [0.964], [0.7616]]], [[1.0]])
        """
        between = Between(rate, key, masks, site, training)
        return self._stacked(LSTM, self._unrolled(LSTM), x, params, state, lengths, between)

    @operation(since="1.0", check=_gru)
    def gru(
        self,
        x: Array,
        params: Layers,
        state: Layers | None = None,
        *,
        lengths: Array | None = None,
        rate: float = 0.0,
        key: Array | None = None,
        masks: Sequence[Array] | None = None,
        site: int = 0,
        training: bool = True,
    ) -> tuple[Array, States]:
        """Gated recurrent unit: `h_t = (1 - z) n + z h_(t-1)`, the reset gate being applied after the product.

        The gates are `r = sigmoid(a_r + u_r)`, `z = sigmoid(a_z + u_z)` and `n = tanh(a_n + r u_n)`, where
        `(a_r, a_z, a_n) = W x_t + b` and `(u_r, u_z, u_n) = R h_(t-1) + c`.

        Args:
            x: `(batch, time, features)`, floating.
            params: a list of layers, each a dict of arrays of the dtype of `x`:
                "weight" W `(3 * hidden, features)`, "recurrent_weight" R `(3 * hidden, hidden)`, and "bias" b and
                "recurrent_bias" c, both `(3 * hidden,)`.
                A bidirectional layer is a dict of two such dicts, "forward" and "backward"; all layers are, or none.
                `features` is that of `x` in the first layer, then `directions * hidden` of the layer before.
            state: what the layers start from, None for zeros: a list, for each layer a dict of
                "hidden", `(batch, hidden)`, or a dict "forward" and "backward" of two such.
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
                outside [0, 1], or in training with several layers and `rate > 0` neither or
                both of `key` and `masks` are given.

        Requires:
            [GRU-1] The rows of the weights and of both biases are those of r, z, n in this order.
            [GRU-2] The reset gate multiplies `R h + c`, its bias included, after the product.
            [GRU-3] With z = 1 the state is carried, with z = 0 it becomes n.
            [GRU-4] Layer l + 1 reads the outputs of layer l.
            [GRU-5] A backward direction reads the steps from the last to the first. Its outputs stand at the steps
                they belong to, after those of the forward direction on the last axis; its end is the first step.
            [GRU-6] Every layer and direction starts from its own entry of `state`, or from zeros. A run split in
                time, the second part starting from the state that the first ends with, equals the whole run.
            [GRU-7] With lengths, outputs beyond a sequence's end are 0, the state returned is that at its end, and
                the backward direction starts there. A sequence of length 0 ends with the state that it starts from.
            [GRU-8] What x holds beyond a sequence's end changes nothing, infinities and NaN included; its derivative
                is 0.
            [GRU-9] Between two layers, and not after the last, outputs are dropped elementwise as by `dropout`,
                with the masks given or those of `dropout_mask(key, shape, rate=rate, site=site + l)`.
            [GRU-10] Without training, or with a rate of 0, nothing is dropped.
            [GRU-11] Every sequence of the batch is computed by itself.
            [GRU-12] Products and sums of float32 are those of IEEE float32 or better, not TF32 or bfloat16.

        Differs:
            Cho et al. and ONNX by default (linear_before_reset = 0) apply the reset gate to the state before the
            product. Keras and ONNX have the gates in the order z, r, n. Cho et al. update as here; Chung et al.,
            "Empirical Evaluation of Gated Recurrent Neural Networks", 2014, exchange z and 1 - z. torch stacks the
            states of layers and directions in one array and has no packed sequence of length 0. A masked step of
            Keras repeats the output before it unless zero_output_for_mask is set.

        Source:
            Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder for Statistical Machine
            Translation", 2014; Chetlur et al., "cuDNN: Efficient Primitives for Deep Learning", 2014 (the reset gate
            after the product); Zaremba et al., "Recurrent Neural Network Regularization", 2014 (dropout between
            layers).

        Example:
            >>> layer = {
            ...     "weight": B.asarray([[0.0], [0.0], [1.0]]),
            ...     "recurrent_weight": B.asarray([[0.0]] * 3),
            ...     "bias": B.asarray([0.0, 0.0, 0.0]),
            ...     "recurrent_bias": B.asarray([0.0, 0.0, 0.0]),
            ... }
            >>> outputs, _ = B.gru(B.asarray([[[99.0], [99.0], [-99.0]]]), [layer])
            >>> B.to_numpy(outputs).tolist()
            [[[0.5], [0.75], [-0.125]]]
        """
        between = Between(rate, key, masks, site, training)
        return self._stacked(GRU, self._unrolled(GRU), x, params, state, lengths, between)
