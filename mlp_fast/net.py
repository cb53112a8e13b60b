"""A network that has weights: how it computes, given checked arrays."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from mlp_fast.activations import SIGMOID, SOFTMAX, TANH, Activation, trainable
from mlp_fast.answering import Answering, answering, outputs_in_parts, recalling
from mlp_fast.boundary.weights import as_weights
from mlp_fast.initialisation import initial_theta
from mlp_fast.kernels.linalg.matrix import Rows, rows_from
from mlp_fast.kernels.network.answer import (
    ABOVE_0,
    ABOVE_HALF,
    CLASSES,
    LABELS,
    LARGEST,
    VALUES,
)
from mlp_fast.kernels.network.arguments import Network
from mlp_fast.kernels.network.forward_batch import outputs_of
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.layout import Layout
from mlp_fast.losses import LOSSES, Loss
from mlp_fast.memory import check_memory
from mlp_fast.paths import Task, layout_for, path_for
from mlp_fast.settings import Settings
from mlp_fast.update_rule import PLAIN


class Net(NamedTuple):
    """A network's weights, their layout, and what its layers compute."""

    layout: Layout
    theta: Floats
    activations: tuple[Activation, ...]
    loss: Loss
    vector: bool  # whether the targets were 1-D

    @property
    def output(self) -> Activation:
        """The activation of the last layer."""
        return self.activations[-1]

    @classmethod
    def fresh(
        cls,
        settings: Settings,
        sizes: Sequence[int],
        random_state: int,
        vector: bool,
        train: bool = True,
        weights: Any = None,
    ) -> Self:
        """Return a network of these sizes, input and output included, with fresh or given weights.

        It is refused if it does not fit in memory; if `train`, training must fit, too.
        """
        check_memory(sizes, settings.dtype, copies=copies_of(settings) if train else 0)
        activations, betas = settings.layers(len(sizes) - 2)
        layout = layout_for(tuple(sizes), activations, betas, settings.dtype, settings.batch_size)
        if weights is None:
            theta = initial_theta(layout, settings.initialisation, random_state)
        else:
            theta = as_weights(weights, layout, settings.dtype)
        return cls(layout, theta, activations, LOSSES[settings.loss], vector)

    @property
    def dtype(self) -> str:
        """The name of the weights' dtype."""
        return self.layout.dtype_name

    @property
    def widths(self) -> tuple[int, int]:
        """The number of inputs, and that of outputs."""
        return self.layout.sizes[0], self.layout.sizes[-1]

    def twin(self) -> Self:
        """Return a network with its own copy of the weights."""
        return self._replace(theta=self.layout.copy(self.theta))

    def check_trainable(self) -> None:
        """Check that every activation has a derivative, and that softmax has outputs to compare."""
        for activation in self.activations:
            if activation.derivative is None:
                others = ", ".join(map(repr, trainable()))
                names = [activation.name for activation in self.activations]
                raise ValueError(
                    f"a network with the activation {activation.name!r} cannot be trained, for its "
                    f"derivative is 0 wherever it exists (37): use one of {others}; got {names}"
                )
        if self.output == SOFTMAX and self.layout.sizes[-1] < 2:
            raise ValueError(
                "output_activation='softmax' needs T of two columns or more, one-hot rows "
                "(np.eye(n_classes)[labels]); got one column"
            )

    def check_loss(self) -> None:
        """Check that the loss is of such outputs; only those for recall come with any of them."""
        if self.loss.outputs and self.output.name not in self.loss.outputs:
            raise ValueError(
                f"the loss of a network with output_activation={self.output.name!r} is that of "
                f"loss='squared_error'; got {self.loss.name!r}, which goes with "
                f"{' and '.join(map(repr, self.loss.outputs))}"
            )

    def recall(self, rows: Rows, theta: Floats) -> Floats:
        """Return the outputs of the last layer with the weights `theta`, if they are finite."""
        out = self.outputs(rows, theta)
        _check_output(out)
        return out

    def outputs(self, rows: Rows, theta: Floats) -> Floats:
        """Return the outputs of the last layer with the weights `theta`, whatever they are."""
        return self.recalling(rows)(theta)

    def recalling(self, rows: Rows) -> Callable[[Floats], Floats]:
        """Return a function of the weights: what they make of these rows, asked again and again."""
        if not rows.sparse:
            return recalling(self.layout, rows.X)
        path = path_for(Task("recall", self.layout, rows.sparse))
        buffers, out = path.buffers(self.layout.shape, rows), self._answers(rows.shape[0])

        def outputs(theta: Floats) -> Floats:
            path(self.for_kernels(theta), rows, buffers, out)
            return out

        return outputs

    def hidden_outputs(self, rows: Rows) -> list[Floats]:
        """Return the outputs of every hidden layer (69), of which a part at a time is recalled."""
        k, parts = rows.shape[0], self._parts(rows) if len(self.layout.sizes) > 2 else ()
        hidden = [np.empty((k, n), self.dtype) for n in self.layout.sizes[1:-1]]
        start = 0
        for outputs in parts:
            for A, of_part in zip(hidden, outputs, strict=False):
                A[start : start + of_part.shape[0]] = of_part
            start += outputs[0].shape[0]
        for A in hidden:
            _check_output(A)
        return hidden

    def _parts(self, rows: Rows) -> Iterator[list[Floats]]:
        """Recall part after part of the rows; return each layer's outputs."""
        if not rows.sparse:
            yield from outputs_in_parts(self.layout, self.theta, rows.X)
            return
        k, network = rows.shape[0], self.for_kernels()
        path = path_for(Task("recall", self.layout, rows.sparse))
        work = path.buffers(self.layout.shape, rows)
        answers = self._answers(work.capacity)
        for start in range(0, k, work.capacity):
            stop = min(start + work.capacity, k)
            path(network, rows_from(rows, start, work.capacity), work, answers[: stop - start])
            yield outputs_of(network, work, stop - start)

    def answering(self, call: str = "predict") -> Answering:
        """Return a function that answers ordinary rows as a call does, and others by None.

        The calls are `predict`, `predict_proba` and `predict_classes`. The checks and buffers of
        the general path take longer than the arithmetic of a few rows.
        """
        form, vector = VALUES, call == "predict" and self.vector
        if call == "predict":
            form = {SIGMOID: CLASSES, SOFTMAX: LARGEST}.get(self.output, VALUES)
        elif call == "predict_classes":
            above = ABOVE_0 if self.output == TANH else ABOVE_HALF
            form, vector = (above if self.layout.sizes[-1] == 1 else LABELS), True
        return answering(self.layout, self.theta, form, vector)

    def in_form(self, A: Floats) -> NDArray[Any]:
        """Return outputs as predictions, in the form of the targets."""
        answer: NDArray[Any] = A
        if self.output == SIGMOID:
            answer = (A > 0.5).astype(np.int64)
        elif self.output == SOFTMAX:
            answer = np.eye(A.shape[1], dtype=np.int64)[A.argmax(axis=1)]
        return answer[:, 0] if self.vector else answer

    def _answers(self, k: int) -> Floats:
        return np.empty((k, self.layout.sizes[-1]), self.dtype)

    def classes(self, A: Floats) -> NDArray[np.int64]:
        """Return each row's class: the index of the largest output; 0 or 1 if there is only one."""
        if A.shape[1] == 1:
            middle = 0.0 if self.output == TANH else 0.5
            return (A[:, 0] > middle).astype(np.int64)
        return np.asarray(A.argmax(axis=1), np.int64)

    def for_kernels(self, theta: Floats | None = None) -> Network:
        """Return what kernels take, with these weights or with others."""
        return self.layout.network(self.theta if theta is None else theta)

    def demands(self) -> tuple[int, float, float]:
        """Return what kernels check targets by: the loss's code, and the outputs' closed range."""
        return self.loss.code, float(self.output.low), float(self.output.high)


def copies_of(settings: Settings) -> int:
    """Return how many buffers like that of the weights a training needs besides it.

    There are copies of the weights and of the rule's state to return to, and of the best weights
    with patience; other rules than plain gradient descent have a gradient and a mask of weights.
    """
    plain, arrays = settings.rules == PLAIN, len(settings.optimizer.arrays)
    return 1 + (settings.patience is not None) + 2 * arrays + 2 * (not plain)


def _check_output(A: Floats) -> None:
    if not np.isfinite(A).all():
        raise not_finite(A.dtype.name)


def not_finite(dtype: str) -> ValueError:
    """Return the error for outputs that are not finite."""
    return ValueError(
        "the network's outputs are not finite: X or the weights are too large for "
        f"{dtype}, or a weight was set to a number that is not finite"
    )
