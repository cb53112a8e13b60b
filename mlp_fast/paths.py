"""The table of paths: one row for each way to train or to recall, best first, general ones last.

A row says which tasks its kernel is for, which function makes its buffers, and at which steps a
call may be cut. Everything that trains or recalls asks `path_for`; nothing else chooses a kernel.
Paths marked `special` exist because they are faster by a fifth or more on networks that people
have; they know plain gradient descent only, and no hidden layer whose slope has no bound: it might
overflow in lanes without a sample, or in products of another order. The general paths come in
kernels for `PLAIN` gradient descent, which are compiled for nothing else, and in others for
`LINEAR` or for `ALL` rules.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from mlp_fast.kernels.compile.jit import entry_point
from mlp_fast.kernels.linalg.finite import all_within
from mlp_fast.kernels.network.activation import Activation
from mlp_fast.kernels.network.arguments import Data, Learning, Network, Rule, Shape
from mlp_fast.kernels.network.evaluate import evaluate, evaluate_sparse, evaluation_buffers
from mlp_fast.kernels.network.forward_batch import recall_buffers
from mlp_fast.kernels.network.forward_rows import forward_rows, kept_sizes
from mlp_fast.kernels.network.loss import SQUARED_ERROR
from mlp_fast.kernels.network.recall_dense import buffer_sizes, recall_dense
from mlp_fast.kernels.network.recall_row import recall_row, row_buffers
from mlp_fast.kernels.network.recall_sparse import recall_sparse
from mlp_fast.kernels.train.accumulate import (
    accumulate,
    accumulate_sparse,
    descend_by,
    gradient_buffer,
    part_buffers,
)
from mlp_fast.kernels.train.batch import (
    batch_buffers,
    train_batch,
    train_sparse_batch,
)
from mlp_fast.kernels.train.online_blocks import (
    BLOCK,
    GROUP,
    block_buffers,
    train_in_blocks,
    train_sparse_in_blocks,
)
from mlp_fast.kernels.train.online_one_by_one import (
    sample_buffers,
    train_one_by_one,
    train_sparse_one_by_one,
)
from mlp_fast.kernels.train.online_one_output import (
    output_buffers,
    train_one_output,
    train_sparse_one_output,
)
from mlp_fast.kernels.train.online_shallow import RUN, TRAIN_SHALLOW, row_lanes, run_buffers
from mlp_fast.kernels.train.step import step_buffers, train_one
from mlp_fast.kernels.train.tiny_batch import is_tiny, lane_buffers, train_in_lanes
from mlp_fast.kernels.train.tiny_batch_shallow import (
    TRAIN_SHALLOW_BATCH,
    dtypes_for,
    grid_buffers,
    grid_for,
)
from mlp_fast.layout import Layout
from mlp_fast.update_rule import ALL, LINEAR, PLAIN, RULES

MODERATE = {8: 2.0**250, 4: 2.0**30}  # by itemsize: a product of four such numbers is still finite


class Task(NamedTuple):
    """What a path is chosen for: a call, a layout, the form of the rows and, to train, how.

    Calls are named after the methods of `MLP`; `predict` is for a single row, `recall` for many.
    `accumulate` sums up the gradient of many rows, which `descend` takes a step by if they were a
    full batch in chunks; `evaluate` computes the loss of rows, such as those of validation.
    """

    # train, accumulate, descend, step, forward, backward, evaluate, input_gradient, predict, recall
    call: str
    layout: Layout
    sparse: bool
    batch_size: int = 0  # samples per update
    repeated: bool = False  # whether every update takes the same samples
    loss: int = SQUARED_ERROR  # a code
    rules: str = PLAIN  # what the path must be able to do

    @property
    def shape(self) -> Shape:
        """What is known of the network."""
        return self.layout.shape

    @property
    def online(self) -> bool:
        """Whether every sample is an update."""
        return self.batch_size == 1

    @property
    def row_lanes(self) -> int:
        """How many lanes a row of weights takes in `online_shallow`; 0 if unfit."""
        shape = self.shape
        lanes = row_lanes(shape.sizes, shape.dtype)
        roomy = shape.input_major and min(shape.strides) >= lanes
        return lanes if roomy and not (shape.keeps_h or shape.steep) else 0

    @property
    def grid(self) -> tuple[int, int] | None:
        """The grid (units, samples) of `tiny_batch_shallow` to train in, or None."""
        shape = self.shape
        shallow = len(shape.sizes) == 3 and shape.sizes[2] == 1 and shape.input_major
        if not shallow or self.online or self.sparse or shape.keeps_h or shape.steep:
            return None
        return grid_for(shape.sizes, self.batch_size, self.repeated, shape.dtype)


class Example(NamedTuple):
    """A network and data that take a path, in these dtypes."""

    sizes: tuple[int, ...]  # input and output included
    k: int  # rows
    batch_size: int | None = None
    sparse: bool = False
    dtypes: Sequence[str] = ("float64", "float32")
    optimizer: str = "sgd"
    weighted: bool = False  # whether samples have weights


class Later(NamedTuple):
    """A function of a file in kernels/train that is imported when it is needed.

    A user of plain gradient descent should not wait for kernels of other rules.
    """

    file: str
    name: str

    def found(self) -> Any:
        """Return the function."""
        return getattr(import_module(f"mlp_fast.kernels.train.{self.file}"), self.name)


@dataclass(frozen=True, eq=False)
class Path:
    """One way to train or to recall: a kernel, and the tasks it is chosen for; called as it is."""

    name: str
    call: str  # the call it serves: see `Task`
    networks: str  # which networks it is for, in words ...
    applies: Callable[[Task], bool]  # ... and as a predicate, if no earlier path applies
    _kernel: Any  # or where it is
    _buffers: Any  # makes the buffers that the kernel takes; or where it is
    example: Example
    cut: int = 1  # a call may end after any multiple of this many steps of an epoch
    rules: str = PLAIN  # what it can do
    special: bool = False  # whether it is there for speed only: a general path does the same
    moderate: bool = False  # whether it is for numbers that are far from overflow only
    entries: dict[np.dtype[Any], Callable[..., Any]] = field(default_factory=dict)  # by dtype

    @property
    def kernel(self) -> Any:
        """The kernel."""
        return self._kernel.found() if isinstance(self._kernel, Later) else self._kernel

    @property
    def buffers(self) -> Callable[..., Any]:
        """Makes the buffers that the kernel takes."""
        found: Callable[..., Any] = self._buffers
        return found.found() if isinstance(found, Later) else found

    def __call__(self, network: Network, *arguments: Any) -> Any:
        """Call the kernel."""
        entry = self.entries.get(network.theta.dtype)
        if entry is None:
            entry = self.entry(network.theta.dtype, network, *arguments)
        return entry(network, *arguments)

    def entry(self, dtype: np.dtype[Any], *arguments: Any) -> Callable[..., Any]:
        """Return the kernel's machine code for networks of a dtype.

        The types of all other arguments follow from that of the weights. So Numba's dispatcher need
        not look at each: in a short call that would take longer than all else.
        """
        if dtype not in self.entries:
            self.entries[dtype] = entry_point(self.kernel, *arguments)
        return self.entries[dtype]


def _in_registers(lanes: int) -> Callable[[Task], bool]:
    return lambda task: task.online and task.row_lanes == lanes


def _of_one_output(task: Task) -> bool:
    shape = task.shape
    fits = len(shape.sizes) == 2 and shape.sizes[1] == 1 and not shape.input_major
    # numbers of any size: its products are the general path's, only their sum has another order
    return task.online and fits and not shape.keeps_h


def _in_grid(size: tuple[int, int]) -> Callable[[Task], bool]:
    return lambda task: task.grid == size


def _in_lanes(task: Task) -> bool:
    shape = task.shape
    fits = is_tiny(shape.n_weights, task.batch_size) and not task.sparse
    of_one = shape.sizes[-1] == 1 or task.loss == SQUARED_ERROR
    return fits and of_one and shape.elementwise and not (shape.keeps_h or shape.steep)


PATHS = (
    *(
        Path(
            f"online, rows of {lanes} lanes in registers",
            "train",
            f"one hidden layer of up to {lanes} units below one output",
            _in_registers(lanes),
            kernel,
            run_buffers,
            Example((1, lanes, 1), 2, batch_size=1),
            cut=RUN,
            special=True,
            moderate=True,
        )
        for lanes, kernel in TRAIN_SHALLOW.items()
    ),
    Path(
        "online, one output, sparse rows",
        "train",
        "one layer of one output, output-major, CSR",
        lambda task: _of_one_output(task) and task.sparse,
        train_sparse_one_output,
        output_buffers,
        Example((64, 1), 2, batch_size=1, sparse=True),
        special=True,
    ),
    Path(
        "online, one output",
        "train",
        "one layer of one output, output-major",
        _of_one_output,
        train_one_output,
        output_buffers,
        Example((64, 1), 2, batch_size=1),
        special=True,
    ),
    Path(
        "online, in blocks, sparse rows",
        "train",
        "input-major first layer, CSR",
        lambda task: task.online and task.shape.input_major and task.sparse,
        train_sparse_in_blocks,
        block_buffers,
        Example((64, 8, 8, 1), 2, batch_size=1, sparse=True),
        cut=BLOCK,
    ),
    Path(
        "online, in blocks",
        "train",
        "input-major first layer",
        lambda task: task.online and task.shape.input_major,
        train_in_blocks,
        block_buffers,
        Example((64, 8, 8, 1), 2, batch_size=1),
        cut=BLOCK,
    ),
    Path(
        "online, one by one, sparse rows",
        "train",
        "output-major first layer, CSR",
        lambda task: task.online and task.sparse,
        train_sparse_one_by_one,
        sample_buffers,
        Example((100, 1, 2), 2, batch_size=1, sparse=True),
    ),
    Path(
        "online, one by one",
        "train",
        "output-major first layer: one or a few units above many inputs",
        lambda task: task.online,
        train_one_by_one,
        sample_buffers,
        Example((100, 1, 2), 2, batch_size=1),
    ),
    Path(
        "online, in blocks, linear rules, sparse rows",
        "train",
        "input-major first layer, CSR",
        lambda task: task.online and task.shape.input_major and task.sparse,
        Later("online_blocks_linear", "train_sparse_in_linear_blocks"),
        Later("online_blocks_linear", "linear_buffers"),
        Example((64, 8, 8, 1), 2, batch_size=1, sparse=True, optimizer="momentum"),
        cut=GROUP,
        rules=LINEAR,
    ),
    Path(
        "online, in blocks, linear rules",
        "train",
        "input-major first layer",
        lambda task: task.online and task.shape.input_major,
        Later("online_blocks_linear", "train_in_linear_blocks"),
        Later("online_blocks_linear", "linear_buffers"),
        Example((64, 8, 8, 1), 2, batch_size=1, optimizer="momentum"),
        cut=GROUP,
        rules=LINEAR,
    ),
    Path(
        "online, one by one, all rules, sparse rows",
        "train",
        "all, CSR",
        lambda task: task.online and task.sparse,
        Later("online_by_rule", "train_sparse_one_by_rule"),
        Later("online_by_rule", "gradient_buffers"),
        Example((64, 8, 8, 1), 2, batch_size=1, sparse=True, optimizer="adam"),
        rules=ALL,
    ),
    Path(
        "online, one by one, all rules",
        "train",
        "all",
        lambda task: task.online,
        Later("online_by_rule", "train_one_by_rule"),
        Later("online_by_rule", "gradient_buffers"),
        Example((64, 8, 8, 1), 2, batch_size=1, optimizer="adam"),
        rules=ALL,
    ),
    *(
        Path(
            f"tiny batch, {n_units} units and {n_samples} samples in registers",
            "train",
            f"one hidden layer of up to {n_units} units, up to {n_samples} rows in one batch",
            _in_grid((n_units, n_samples)),
            kernel,
            grid_buffers((n_units, n_samples)),
            Example((1, n_units, 1), n_samples, dtypes=dtypes_for((n_units, n_samples))),
            special=True,
            moderate=True,
        )
        for (n_units, n_samples), kernel in TRAIN_SHALLOW_BATCH.items()
    ),
    Path(
        "tiny batch, a lane for each sample",
        "train",
        "up to 60 weights, batches of up to 8 rows",
        _in_lanes,
        train_in_lanes,
        lane_buffers,
        Example((1, 1), 2),
        special=True,
    ),
    Path(
        "batch, sparse rows",
        "train",
        "all, CSR",
        lambda task: task.sparse,
        train_sparse_batch,
        batch_buffers,
        Example((64, 8, 8, 1), 2, sparse=True),
    ),
    Path(
        "batch",
        "train",
        "all",
        lambda task: True,
        train_batch,
        batch_buffers,
        Example((64, 8, 8, 1), 2),
    ),
    Path(
        "batch, all rules, sparse rows",
        "train",
        "all, CSR",
        lambda task: task.sparse,
        Later("batch_by_rule", "train_sparse_batch_by_rule"),
        Later("batch_by_rule", "rule_buffers"),
        Example((64, 8, 8, 1), 2, sparse=True, optimizer="adam"),
        rules=ALL,
    ),
    Path(
        "batch, all rules",
        "train",
        "all",
        lambda task: True,
        Later("batch_by_rule", "train_batch_by_rule"),
        Later("batch_by_rule", "rule_buffers"),
        Example((64, 8, 8, 1), 2, optimizer="adam"),
        rules=ALL,
    ),
    Path(
        "a chunk of a full batch, sparse rows",
        "accumulate",
        "all, CSR",
        lambda task: task.sparse,
        accumulate_sparse,
        part_buffers,
        Example((64, 8, 8, 1), 2, sparse=True),
    ),
    Path(
        "a chunk of a full batch",
        "accumulate",
        "all",
        lambda task: True,
        accumulate,
        part_buffers,
        Example((64, 8, 8, 1), 2),
    ),
    Path(
        "a chunk of a full batch, weighted, sparse rows",
        "accumulate",
        "all, CSR",
        lambda task: task.sparse,
        Later("batch_by_rule", "train_sparse_batch_by_rule"),
        part_buffers,
        Example((64, 8, 8, 1), 2, sparse=True, weighted=True),
        rules=ALL,
    ),
    Path(
        "a chunk of a full batch, weighted",
        "accumulate",
        "all",
        lambda task: True,
        Later("batch_by_rule", "train_batch_by_rule"),
        part_buffers,
        Example((64, 8, 8, 1), 2, weighted=True),
        rules=ALL,
    ),
    Path(
        "a gradient summed over chunks",
        "descend",
        "all",
        lambda task: True,
        descend_by,
        gradient_buffer,
        Example((64, 8, 8, 1), 2),
    ),
    Path(
        "a gradient summed over chunks, all rules",
        "descend",
        "all",
        lambda task: True,
        Later("by_rule", "step_by_rule"),
        gradient_buffer,
        Example((64, 8, 8, 1), 2, optimizer="adam"),
        rules=ALL,
    ),
    Path(
        "one sample",
        "step",
        "all",
        lambda task: True,
        train_one,
        step_buffers,
        Example((64, 8, 8, 1), 1),
    ),
    Path(
        "one sample, all rules",
        "step",
        "all",
        lambda task: True,
        Later("online_by_rule", "step_one_by_rule"),
        step_buffers,
        Example((64, 8, 8, 1), 1, optimizer="adam"),
        rules=ALL,
    ),
    Path(
        "a batch that was forwarded",
        "backward",
        "all",
        lambda task: True,
        Later("backward_rows", "backward_rows"),
        kept_sizes,
        Example((64, 8, 8, 1), 2),
    ),
    Path(
        "rows, all layers kept",
        "forward",
        "all",
        lambda task: True,
        forward_rows,
        kept_sizes,
        Example((64, 8, 8, 1), 2),
    ),
    Path(
        "the loss of sparse rows",
        "evaluate",
        "all, CSR",
        lambda task: task.sparse,
        evaluate_sparse,
        evaluation_buffers,
        Example((64, 8, 8, 1), 2, sparse=True),
    ),
    Path(
        "the loss of rows",
        "evaluate",
        "all",
        lambda task: True,
        evaluate,
        evaluation_buffers,
        Example((64, 8, 8, 1), 2),
    ),
    Path(
        "a gradient by sparse inputs",
        "input_gradient",
        "all, CSR",
        lambda task: task.sparse,
        Later("input_gradient", "input_gradient_sparse"),
        Later("input_gradient", "input_gradient_buffers"),
        Example((64, 8, 8, 1), 2, sparse=True),
    ),
    Path(
        "a gradient by the inputs",
        "input_gradient",
        "all",
        lambda task: True,
        Later("input_gradient", "input_gradient"),
        Later("input_gradient", "input_gradient_buffers"),
        Example((64, 8, 8, 1), 2),
    ),
    Path(
        "one row",
        "predict",
        "all, a row of the network's dtype",
        lambda task: True,
        recall_row,
        row_buffers,
        Example((64, 8, 8, 1), 1),
    ),
    Path(
        "sparse rows",
        "recall",
        "all, CSR",
        lambda task: task.sparse,
        recall_sparse,
        recall_buffers,
        Example((64, 8, 8, 1), 2, sparse=True),
    ),
    Path(
        "rows",
        "recall",
        "all",
        lambda task: True,
        recall_dense,
        buffer_sizes,
        Example((64, 8, 8, 1), 2),
    ),
)


def path_for(task: Task, is_moderate: Callable[[], bool] = lambda: True) -> Path:
    """Return the first path of the table that applies to a task.

    `is_moderate` tells whether its numbers are, and is asked only if the path depends on that.
    """
    paths = paths_for(task)
    if not paths[0].moderate or is_moderate():
        return paths[0]
    return next(path for path in paths if not path.moderate)


@lru_cache(maxsize=32)  # looking at every row takes as long as a short training
def paths_for(task: Task) -> list[Path]:
    """Return all paths that apply to a task, if its numbers are moderate."""
    least = RULES.index(task.rules)
    return [
        path
        for path in PATHS
        if path.call == task.call and RULES.index(path.rules) >= least and path.applies(task)
    ]


def are_moderate(layout: Layout, data: Data, rule: Rule | Learning) -> bool:
    """Return whether inputs, targets and options are far from overflow in the network's dtype.

    Kernels for shallow networks multiply in another order than the general ones, so other products
    may overflow; those that look ahead also multiply the inputs of two samples.
    """
    most = MODERATE[layout.dtype.itemsize]
    inputs = data.rows.values if data.rows.sparse else data.rows.X
    return (
        max(rule.learning_rate, *layout.betas) <= most
        and bool(all_within(inputs.reshape(-1), -most, most))
        and bool(all_within(data.T.reshape(-1), -most, most))
    )


def only_path(call: str, rules: str = PLAIN) -> Path:
    """Return the path of a call that has only one, for dense rows, for such rules."""
    found = (path for path in PATHS if path.call == call and path.rules == rules)
    (path,) = (path for path in found if not path.example.sparse)
    return path


@lru_cache(maxsize=32)  # making a layout takes longer than training a small network
def layout_for(
    sizes: tuple[int, ...],
    activations: tuple[Activation, ...],
    betas: tuple[float, ...],
    dtype: str,
    batch_size: int | None,
) -> Layout:
    """Return the layout of the weights that the best path for this network needs."""
    lanes = row_lanes(sizes, np.dtype(dtype))
    return Layout.of(sizes, activations, betas, dtype, lanes, lanes > 0 and batch_size == 1)
