"""A network that has weights: what it computes and how it learns, on arrays that were checked."""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mlp_fast.activations import ACTIVATIONS, SIGMOID, SOFTMAX, TANH, THRESHOLD, Activation
from mlp_fast.initialisation import initial_weights, shuffle_key
from mlp_fast.kernels.linalg.finite import all_finite, all_within
from mlp_fast.kernels.linalg.nonzero import zeros_are_many
from mlp_fast.kernels.network.arguments import BLOCK, Data, Floats, Network, Rows, Rule, Work
from mlp_fast.kernels.network.forward import recall, recall_sparse
from mlp_fast.kernels.train.batch import train_batch, train_forwarded, train_sparse_batch
from mlp_fast.kernels.train.online import (
    train_in_blocks,
    train_one,
    train_one_by_one,
    train_sparse_in_blocks,
    train_sparse_one_by_one,
)
from mlp_fast.kernels.train.online_shallow import RUN, TRAIN_SHALLOW
from mlp_fast.kernels.train.shallow_batch import TRAIN_SHALLOW_BATCH
from mlp_fast.kernels.train.tiny_batch import LANES, train_in_lanes
from mlp_fast.layout import MANY_INPUTS, Layout, read_only
from mlp_fast.losses import LOSSES, SQUARED_ERROR, Loss
from mlp_fast.memory import check_memory
from mlp_fast.rows import dense_rows, stored_in_rows
from mlp_fast.settings import Settings
from mlp_fast.single_row import Answering, answering
from mlp_fast.training import Training
from mlp_fast.validation import check_orders

TINY = 40  # weights
MODERATE = {"float64": 2.0**250, "float32": 2.0**30}  # products of four are numbers, too
ROWS = 256  # that are worked on at a time: their activations fit in a cache


@dataclass(frozen=True)
class Forward:
    """What a forward process leaves for the backward process that follows it."""

    outputs: list[Floats]  # the inputs, then those of every layer, read-only
    work: Work
    theta: Floats  # as it was


@dataclass(frozen=True)
class Net:
    """The weights of a network, how they lie, and what the layers compute."""

    layout: Layout
    theta: Floats
    activations: list[Activation]
    loss: Loss
    vector: bool  # whether the targets were 1-D
    output: Activation = field(init=False)  # the activation of the last layer

    def __post_init__(self) -> None:
        """Keep at hand what every answer needs."""
        object.__setattr__(self, "output", self.activations[-1])

    @classmethod
    def fresh(
        cls,
        settings: Settings,
        sizes: Sequence[int],
        random_state: int,
        vector: bool,
        train: bool = True,
    ) -> Self:
        """Make a network of these sizes, input and output included, with fresh weights.

        It is refused if there is no memory for it, or for training it, if it is to be trained.
        """
        check_memory(sizes, settings.dtype, kept=train)
        n_hidden = len(sizes) - 2
        activations = settings.activations(n_hidden)
        betas = tuple(settings.betas(n_hidden))
        layout = Layout.of(tuple(sizes), tuple(activations), betas, settings.dtype)
        theta = layout.pack(initial_weights(sizes, random_state))
        return cls(layout, theta, activations, LOSSES[settings.loss], vector)

    @property
    def dtype(self) -> str:
        """The name of the weights' dtype."""
        return self.layout.dtype_name

    def twin(self) -> Self:
        """Return a network with the same weights in memory of its own."""
        return replace(self, theta=self.layout.copy(self.theta))

    def check_trainable(self) -> None:
        """Check that there is a gradient to follow."""
        names = [activation.name for activation in self.activations]
        if THRESHOLD.name in names:
            others = ", ".join(repr(name) for name in ACTIVATIONS if name != THRESHOLD.name)
            raise ValueError(
                "a network with the activation 'threshold' cannot be trained, for its derivative "
                f"is 0 wherever it exists (37): use one of {others}; got {names}"
            )
        if self.output == SOFTMAX and self.layout.sizes[-1] < 2:
            raise ValueError(
                "output_activation='softmax' needs T of two columns or more, one-hot rows "
                "(np.eye(n_classes)[labels]); got one column"
            )

    def training(self, settings: Settings, rows: Rows, T: Floats, random_state: int) -> Training:
        """Return a run over the examples that changes the weights."""
        k, orders = T.shape[0], settings.orders
        size = min(settings.batch_size or k, k)
        online = settings.batch_size == 1
        shuffle = settings.shuffle and orders is None and size < k
        in_order = orders is None and not shuffle
        if orders is None:
            orders = np.arange(k).reshape(1, k)
        else:
            check_orders(orders, settings.epochs, k)
        rule = Rule(
            loss=self.loss.code,
            learning_rate=settings.learning_rate,
            batch_size=size,
            shuffle=shuffle,
            key=shuffle_key(random_state) if shuffle else 0,
            gather=not (in_order and self.layout.by_input),
            skip_zeros=not online and self._skips_zeros(rows),
        )
        data = Data(rows, T, orders)
        if online:
            return self._online_training(data, rule, settings)
        return self._batch_training(data, rule, settings)

    def _online_training(self, data: Data, rule: Rule, settings: Settings) -> Training:
        network, rows, k = self._for_kernels(), data.rows, data.T.shape[0]
        if self.layout.row_lanes and self._is_moderate(data, settings.learning_rate):
            shallow = TRAIN_SHALLOW[self.layout.row_lanes]
            run = min(k, RUN)
            nodes = self.layout.nodes(run, dense=run if rows.sparse else 0)
            return Training(shallow, network, data, rule, nodes, settings, RUN)
        in_blocks, one_by_one = train_in_blocks, train_one_by_one
        if rows.sparse:
            in_blocks, one_by_one = train_sparse_in_blocks, train_sparse_one_by_one
        if self.layout.by_input:
            block = self.layout.block(stored_in_rows(rows, 1))
            return Training(in_blocks, network, data, rule, block, settings, BLOCK)
        return Training(one_by_one, network, data, rule, self.layout.nodes(), settings)

    def _is_moderate(self, data: Data, learning_rate: float) -> bool:
        """Whether no number that training begins with is near the ends of what the dtype holds.

        Kernels for shallow networks multiply in another order than others do, so that other
        products overflow; and those that look ahead multiply the inputs of two samples.
        """
        most = MODERATE[self.dtype]
        inputs = data.rows.values if data.rows.sparse else data.rows.X
        return (
            max(learning_rate, *self.layout.layers["beta"]) <= most
            and bool(all_within(read_only(inputs.reshape(-1)), -most, most))
            and bool(all_within(read_only(data.T.reshape(-1)), -most, most))
        )

    def _batch_training(self, data: Data, rule: Rule, settings: Settings) -> Training:
        network, rows = self._for_kernels(), data.rows
        room = self._room(rule.batch_size)
        if room and not rows.sparse and self._is_moderate(data, settings.learning_rate):
            kernel, grid = TRAIN_SHALLOW_BATCH[room], self.layout.grid(*room)
            return Training(kernel, network, data, rule, grid, settings)
        if self._fits_in_lanes(rule.batch_size) and not rows.sparse:
            return Training(train_in_lanes, network, data, rule, self.layout.lanes(), settings)
        n_rows = min(rule.batch_size, ROWS)
        work = self.layout.work(
            n_rows,
            collected=self._collected(rows, n_rows, gather=rule.gather),
            train=True,
            gradient=rule.batch_size > ROWS,
            stored=stored_in_rows(rows, n_rows),
        )
        train = train_sparse_batch if rows.sparse else train_batch
        return Training(train, network, data, rule, work, settings)

    def forward(self, X: Floats) -> Forward:
        """Compute the outputs of every layer (69)."""
        X = read_only(X.copy())  # the backward process needs them as they are now
        k = X.shape[0]
        gather, rows = not self.layout.by_input, dense_rows(X)
        work = self.layout.work(k, collected=k if gather else 0, train=True)
        recall(self._for_kernels(), rows, gather, False, work, self._answers(k))
        outputs = self.layout.outputs(work, k)
        _check_output(outputs[-1])
        return Forward([X, *outputs], work, self.theta.copy())

    def backward(self, forward: Forward, T: Floats, learning_rate: float) -> None:
        """Update the weights by the errors of a forward process (78), if they stay finite."""
        network, X = self._for_kernels(), forward.outputs[0]
        rows = dense_rows(X)
        train_forwarded(network, self.loss.code, learning_rate, rows, T, False, forward.work)
        if not self._stays_finite(forward.theta):
            _warn_of_step("a weight is no longer finite")

    def learn(self, x: Floats, t: Floats, learning_rate: float) -> float:
        """Learn from one sample (algorithm 2.4.1), if all stays finite; return its loss before."""
        sample = self._for_kernels(), self.loss.code, learning_rate, x, t, self.layout.nodes()
        loss, changed = train_one(*sample, True)
        if not math.isfinite(loss):
            _warn_of_step("the sample's loss is not finite")
        elif not changed:  # numbers so large that a weight may overflow
            before = self.theta.copy()
            train_one(*sample, False)
            if not self._stays_finite(before):
                _warn_of_step("a weight is no longer finite")
        return loss

    def _stays_finite(self, before: Floats) -> bool:
        """Return whether all weights are finite after a step, which else is taken back."""
        finite = bool(all_finite(read_only(self.theta)))
        if not finite:
            self.theta[:] = before
        return finite

    def recall(self, rows: Rows, theta: Floats) -> Floats:
        """Return the outputs of the last layer, with these weights or with others."""
        k = rows.shape[0]
        out, network = self._answers(k), self._for_kernels(theta)
        gather, n_rows = not self.layout.by_input, min(k, ROWS)
        collected = self._collected(rows, n_rows, gather=gather)
        work = self.layout.work(n_rows, collected=collected, train=False)
        if rows.sparse:
            recall_sparse(network, rows, False, False, work, out)
        else:
            recall(network, rows, gather, self._skips_zeros(rows), work, out)
        _check_output(out)
        return out

    def answering(self) -> Answering:
        """Return what answers for a single row, unless something about it is out of the ordinary.

        A row takes less time than the checks and the buffers that many rows are worth.
        """
        return answering(self.layout, self.theta, self.output, self.vector)

    def in_form(self, A: Floats) -> NDArray[Any]:
        """Return outputs as answers in the form of the targets."""
        answer: NDArray[Any] = A
        if self.output == SIGMOID:
            answer = (A > 0.5).astype(np.int64)
        elif self.output == SOFTMAX:
            answer = np.eye(A.shape[1], dtype=np.int64)[A.argmax(axis=1)]
        return answer[:, 0] if self.vector else answer

    def _answers(self, k: int) -> Floats:
        return np.empty((k, self.layout.sizes[-1]), self.dtype)

    def _collected(self, rows: Rows, n_rows: int, *, gather: bool) -> int:
        """Return how many rows of a batch must lie in a buffer at a time, dense."""
        if rows.sparse:
            return 0 if self.layout.by_input else 1
        return n_rows if gather else 0

    def classes(self, A: Floats) -> NDArray[np.int64]:
        """Return the index of each row's class: the largest, or the threshold's answer."""
        if A.shape[1] == 1:
            middle = 0.0 if self.output == TANH else 0.5
            return (A[:, 0] > middle).astype(np.int64)
        return np.asarray(A.argmax(axis=1), np.int64)

    def _skips_zeros(self, rows: Rows) -> bool:
        """Whether rows are so long, and so many inputs 0, that listing the others pays."""
        return rows.n >= MANY_INPUTS and bool(zeros_are_many(rows.X))

    def _room(self, batch_size: int) -> tuple[int, int] | None:
        """Return the least room of hidden units and samples that a tiny batch fits in.

        Its kernel wants one hidden layer, whose rows are by input, below one output.
        """
        layout = self.layout
        shallow = len(layout.sizes) == 3 and layout.sizes[2] == 1 and layout.by_input
        if not shallow or layout.n_true > TINY:
            return None
        n_units = layout.sizes[1]
        rooms = (r for r in TRAIN_SHALLOW_BATCH if n_units <= r[0] and batch_size <= r[1])
        return min(rooms, default=None)

    def _fits_in_lanes(self, batch_size: int) -> bool:
        """Whether each sample of a batch may have a lane of its own, and that is faster."""
        tiny = self.layout.n_true <= TINY and batch_size <= LANES
        one = self.loss == SQUARED_ERROR or self.layout.sizes[-1] == 1
        return tiny and one and self.output != SOFTMAX

    def _for_kernels(self, theta: Floats | None = None) -> Network:
        return self.layout.network(self.theta if theta is None else theta)


def _warn_of_step(what: str) -> None:
    """Warn whoever called `MLP.step` or `MLP.backward`, three calls above this."""
    message = f"the step diverged: {what}; the weights are as they were"
    warnings.warn(message, RuntimeWarning, stacklevel=4)


def _check_output(A: Floats) -> None:
    if not np.isfinite(A).all():
        raise ValueError(
            "the network's outputs are not finite: X or the weights are too large for "
            f"{A.dtype.name}, or a weight was set to a number that is not finite"
        )
