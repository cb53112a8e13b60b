"""The arguments of kernels, grouped into named tuples."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlp_fast.kernels.linalg.matrix import Rows
from mlp_fast.kernels.simd.types import Floats

LAYER = np.dtype(
    [
        ("n_in", np.int64),  # nodes of the layer before, its bias node not counted
        ("n_out", np.int64),  # nodes of this layer
        ("input_major", np.int64),  # whether the weights are input-major: one row per input
        ("weights", np.int64),  # where this layer's rows begin in theta
        ("stride", np.int64),  # distance between rows
        ("nodes", np.int64),  # where its neurons begin in the buffers of one sample
        ("width", np.int64),  # distance between samples in the buffers of many ...
        ("before", np.int64),  # ... and the sum of the widths of all earlier layers
        ("activation", np.int64),  # a code of activation.py
        ("beta", np.float64),  # the sigmoid's steepness (38)
        ("keeps_h", np.int64),  # whether h is kept, because g'(h) is computed from it, not from a
    ],
    align=True,
)


class Network(NamedTuple):
    """All weights in one buffer, and how each layer lies in it."""

    theta: Floats  # (n_weights,)
    layers: NDArray[np.void]  # (L,) of LAYER
    every: NDArray[np.int64]  # 0, 1, 2, ...: the list of rows or inputs that leaves none out


class Shape(NamedTuple):
    """What is known of a network before kernels run, to choose its path and make its buffers."""

    sizes: tuple[int, ...]  # nodes of every layer, input and output included
    widths: tuple[int, ...]  # per layer: distance between samples in the buffers of many
    nodes: tuple[int, ...]  # where each begins in the buffers of one sample; last, their size
    strides: tuple[int, ...]  # distance between rows of weights, per layer but the input
    n_weights: int  # biases included
    n_theta: int  # numbers in the buffer of the weights
    input_major: bool  # whether the first layer's weights are input-major
    keeps_h: bool  # whether any layer keeps h for its derivative
    steep: bool  # whether g' of any hidden layer has no bound
    elementwise: bool  # whether no activation couples the nodes of a layer
    dtype: np.dtype[Any]
    every: NDArray[np.int64]  # that of `Network`


class Data(NamedTuple):
    """The examples, never copied, and the orders in which epochs take them."""

    rows: Rows  # (k, n_0)
    T: Floats  # (k, n_L), read-only
    orders: NDArray[np.int64]  # (r, k), epoch e uses row e % r
    in_order: bool  # whether every epoch takes the examples in their given order


class Rule(NamedTuple):
    """How the network learns from the examples: plain gradient descent, and its options."""

    loss: int  # a code of loss.py
    learning_rate: float
    batch_size: int
    shuffle: bool  # whether each epoch writes a fresh order into orders
    key: int  # of the random stream that orders are drawn from
    epoch: int  # epochs that were shuffled before: each draws an order of its own


class State(NamedTuple):
    """What an update rule keeps from step to step, and its numbers."""

    first: Floats  # like theta, or empty
    second: Floats  # like theta, or empty
    mask: Floats  # like theta: 1 for weights, 0 for those of bias nodes; empty if nothing decays
    numbers: NDArray[np.float64]  # as its object in optimizers.py orders them
    powers: NDArray[np.float64]  # that change from step to step, such as those of Adam's betas


class Learning(NamedTuple):
    """How the network learns by any update rule; the first six are those of `Rule`."""

    loss: int
    learning_rate: float
    batch_size: int
    shuffle: bool
    key: int
    epoch: int
    step: int  # the address of the rule's kernel
    state: State
    updates: bool  # or only sum up the gradient
    direct: bool  # whether the rule is plain gradient descent, without a penalty
    momentum: float  # mu of a linear rule ...
    nesterov: bool  # ... and whether it looks ahead
    l2: float  # lambda of the penalty lambda / 2 times the sum of squared weights
    clip_norm: float  # the largest norm of a gradient; infinity for none
    sample_weights: Floats  # (k,), or empty if all are 1
    by_weight: bool  # whether a batch's gradient, L2 included, is divided by the sum of its weights
    loss_scale: float  # what losses, but not gradients, are multiplied by


class Curves(NamedTuple):
    """Sums over the samples of each epoch, in float64."""

    error: NDArray[np.float64]  # (epochs,), of (a - t)²
    loss: NDArray[np.float64]  # (epochs,), of the configured loss
