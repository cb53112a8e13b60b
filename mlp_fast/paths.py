"""The one table of paths: every way to train or to recall, best first, the general ones last.

A row says for which tasks its kernel is meant, what makes its buffers, and between which steps a
call may be cut. Whoever trains or recalls asks `path_for`; nothing else decides. Paths that are
`plain` know plain gradient descent only and are there because they win by a fifth or more on
networks that people have; whatever else a rule needs is for the general ones.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from mlp_fast.kernels.linalg.finite import all_within
from mlp_fast.kernels.linalg.matrix import Rows
from mlp_fast.kernels.network.activation import SOFTMAX
from mlp_fast.kernels.network.arguments import Data, Network, Rule
from mlp_fast.kernels.network.forward import node_buffers
from mlp_fast.kernels.network.forward_batch import forward_buffers, recall_buffers
from mlp_fast.kernels.network.loss import SQUARED_ERROR
from mlp_fast.kernels.network.recall import recall, recall_sparse
from mlp_fast.kernels.network.recall_row import recall_row, row_buffers
from mlp_fast.kernels.train.batch import (
    batch_buffers,
    train_batch,
    train_forwarded,
    train_sparse_batch,
)
from mlp_fast.kernels.train.online_blocks import (
    BLOCK,
    block_buffers,
    train_in_blocks,
    train_sparse_in_blocks,
)
from mlp_fast.kernels.train.online_one_by_one import (
    sample_buffers,
    train_one_by_one,
    train_sparse_one_by_one,
)
from mlp_fast.kernels.train.online_shallow import RUN, TRAIN_SHALLOW, row_lanes, run_buffers
from mlp_fast.kernels.train.step import train_one
from mlp_fast.kernels.train.tiny_batch import LANES, lane_buffers, train_in_lanes
from mlp_fast.kernels.train.tiny_batch_shallow import (
    TRAIN_SHALLOW_BATCH,
    grid_buffers,
    room_for,
)
from mlp_fast.layout import read_only

TINY = 40  # weights
MODERATE = {8: 2.0**250, 4: 2.0**30}  # by the bytes of a number: products of four are numbers, too


@dataclass(frozen=True)
class Task:
    """What is to be done: a call, its network and rows; to train also the examples and the rule.

    Calls are those of `MLP`, but that answers to more than one row are called `recall`.
    """

    call: str  # train, step, forward, backward, predict or recall
    network: Network
    rows: Rows
    data: Data | None = None
    rule: Rule | None = None

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """Nodes of every layer, input and output included."""
        layers = self.network.layers
        return int(layers["n_in"][0]), *map(int, layers["n_out"])

    @property
    def batch_size(self) -> int:
        """Samples in an update."""
        assert self.rule is not None
        return self.rule.batch_size

    @property
    def online(self) -> bool:
        """Whether an update follows each sample."""
        return self.batch_size == 1

    @property
    def full(self) -> bool:
        """Whether one batch of all samples is repeated."""
        assert self.data is not None
        return self.batch_size >= self.data.T.shape[0]

    @property
    def input_major(self) -> bool:
        """Whether a row of the first layer's weights belongs to an input."""
        return bool(self.network.layers["by_input"][0])

    @property
    def told_from_outputs(self) -> bool:
        """Whether no layer has to keep h for its derivative."""
        return not bool(self.network.layers["keeps_h"].any())

    @property
    def one_output(self) -> bool:
        """Whether there is one output."""
        return self.sizes[-1] == 1

    @property
    def tiny(self) -> bool:
        """Whether there are so few weights that calls cost more than arithmetic."""
        layers = self.network.layers
        return int(((layers["n_in"] + 1) * layers["n_out"]).sum()) <= TINY

    @cached_property
    def moderate(self) -> bool:
        """Whether no number that training begins with is near the ends of what the dtype holds.

        Kernels for shallow networks multiply in another order than others do, so that other
        products overflow; and those that look ahead multiply the inputs of two samples.
        """
        assert self.data is not None
        assert self.rule is not None
        most = MODERATE[self.network.theta.itemsize]
        inputs = self.rows.values if self.rows.sparse else self.rows.X
        return (
            max(self.rule.learning_rate, *self.network.layers["beta"]) <= most
            and bool(all_within(read_only(inputs.reshape(-1)), -most, most))
            and bool(all_within(read_only(self.data.T.reshape(-1)), -most, most))
        )


class Example(NamedTuple):
    """A network and data for which a path is chosen, in either dtype."""

    sizes: tuple[int, ...]  # input and output included
    k: int  # rows
    batch_size: int | None = None
    sparse: bool = False


@dataclass(frozen=True)
class Path:
    """One way to train or to recall."""

    name: str
    call: str  # that it serves
    applies: Callable[[Task], bool]
    kernel: Any
    buffers: Callable[..., Any]  # of what the kernel takes
    example: Example
    cut: int = 1  # steps of an epoch, counted from its start, between which a call may end
    plain: bool = False  # whether for plain gradient descent only


def _shallow(lanes: int) -> Callable[[Task], bool]:
    def applies(task: Task) -> bool:
        fits = row_lanes(task.sizes) == lanes and task.input_major
        roomy = fits and bool((task.network.layers["stride"] >= lanes).all())
        return task.online and roomy and task.told_from_outputs and task.moderate

    return applies


def _grid(room: tuple[int, int]) -> Callable[[Task], bool]:
    def applies(task: Task) -> bool:
        shallow = len(task.sizes) == 3 and task.one_output and task.input_major and task.tiny
        fits = shallow and not task.online and room_for(task.sizes[1], task.batch_size) == room
        return fits and not task.rows.sparse and task.told_from_outputs and task.moderate

    return applies


def _lanes(task: Task) -> bool:
    assert task.rule is not None
    fits = not task.online and task.tiny and task.batch_size <= LANES and not task.rows.sparse
    of_one = task.one_output or task.rule.loss == SQUARED_ERROR
    elementwise = task.network.layers["activation"][-1] != SOFTMAX
    return fits and of_one and bool(elementwise) and task.told_from_outputs


PATHS = (
    *(
        Path(
            f"online, rows of {lanes} lanes in registers",
            "train",
            _shallow(lanes),
            kernel,
            run_buffers,
            Example((1, lanes, 1), 2, batch_size=1),
            cut=RUN,
            plain=True,
        )
        for lanes, kernel in TRAIN_SHALLOW.items()
    ),
    Path(
        "online, in blocks, sparse rows",
        "train",
        lambda task: task.online and task.input_major and task.rows.sparse,
        train_sparse_in_blocks,
        block_buffers,
        Example((64, 8, 8, 1), 2, batch_size=1, sparse=True),
        cut=BLOCK,
    ),
    Path(
        "online, in blocks",
        "train",
        lambda task: task.online and task.input_major,
        train_in_blocks,
        block_buffers,
        Example((64, 8, 8, 1), 2, batch_size=1),
        cut=BLOCK,
    ),
    Path(
        "online, one by one, sparse rows",
        "train",
        lambda task: task.online and task.rows.sparse,
        train_sparse_one_by_one,
        sample_buffers,
        Example((64, 1), 2, batch_size=1, sparse=True),
    ),
    Path(
        "online, one by one",
        "train",
        lambda task: task.online,
        train_one_by_one,
        sample_buffers,
        Example((64, 1), 2, batch_size=1),
    ),
    *(
        Path(
            f"tiny batch, {room[0]} units and {room[1]} samples in registers",
            "train",
            _grid(room),
            kernel,
            grid_buffers(room),
            Example((1, room[0], 1), room[1]),
            plain=True,
        )
        for room, kernel in TRAIN_SHALLOW_BATCH.items()
    ),
    Path(
        "tiny batch, a lane for each sample",
        "train",
        _lanes,
        train_in_lanes,
        lane_buffers,
        Example((1, 1), 2),
        plain=True,
    ),
    Path(
        "batch, sparse rows",
        "train",
        lambda task: task.rows.sparse,
        train_sparse_batch,
        batch_buffers,
        Example((64, 8, 8, 1), 2, sparse=True),
    ),
    Path(
        "batch",
        "train",
        lambda task: True,
        train_batch,
        batch_buffers,
        Example((64, 8, 8, 1), 2),
    ),
    Path(
        "one sample",
        "step",
        lambda task: True,
        train_one,
        node_buffers,
        Example((64, 8, 8, 1), 1),
    ),
    Path(
        "a batch that was forwarded",
        "backward",
        lambda task: True,
        train_forwarded,
        forward_buffers,
        Example((64, 8, 8, 1), 2),
    ),
    Path(
        "rows, all layers kept",
        "forward",
        lambda task: True,
        recall,
        forward_buffers,
        Example((64, 8, 8, 1), 2),
    ),
    Path(
        "one row",
        "predict",
        lambda task: True,
        recall_row,
        row_buffers,
        Example((64, 8, 8, 1), 1),
    ),
    Path(
        "sparse rows",
        "recall",
        lambda task: task.rows.sparse,
        recall_sparse,
        recall_buffers,
        Example((64, 8, 8, 1), 2, sparse=True),
    ),
    Path(
        "rows",
        "recall",
        lambda task: True,
        recall,
        recall_buffers,
        Example((64, 8, 8, 1), 2),
    ),
)


def path_for(task: Task) -> Path:
    """Return the first path of the table that applies to a task."""
    return next(path for path in PATHS if path.call == task.call and path.applies(task))


def only_path(call: str) -> Path:
    """Return the path of a call that has but one."""
    (path,) = (path for path in PATHS if path.call == call)
    return path


def least_stride(sizes: tuple[int, ...]) -> int:
    """Return what rows of weights must be apart at least, so that a path may load whole rows."""
    return row_lanes(sizes)
