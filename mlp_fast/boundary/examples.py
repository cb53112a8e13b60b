"""Check examples: inputs, and as many targets."""

from typing import Any, NamedTuple

from mlp_fast.boundary.inputs import as_rows
from mlp_fast.boundary.targets import as_targets, check_width
from mlp_fast.kernels.linalg.matrix import Rows
from mlp_fast.kernels.simd.types import Floats


class Examples(NamedTuple):
    """Checked inputs and targets."""

    rows: Rows
    T: Floats
    vector: bool  # whether the targets were 1-D
    weights: Floats | None = None  # (k,), of the examples; None if all are 1
    relative: bool = False  # whether the weights are to be divided by their mean

    @property
    def k(self) -> int:
        """The number of examples."""
        return int(self.T.shape[0])

    @property
    def n_in(self) -> int:
        """The number of inputs."""
        return self.rows.n

    @property
    def n_out(self) -> int:
        """The number of outputs."""
        return int(self.T.shape[1])


def as_examples(
    X: Any,
    T: Any,
    dtype: str,
    n_in: int | None = None,
    n_out: int | None = None,
    names: tuple[str, str] = ("X", "T"),
    finite: bool = True,
) -> Examples:
    """Check inputs and targets, which are named so in errors, and their widths if they are known.

    If not `finite`, dense inputs need not be so.
    """
    rows = as_rows(X, dtype, n_in, names[0], finite)
    examples = Examples(rows, *as_targets(T, dtype, rows.shape[0], names))
    if n_out is not None:
        check_width(examples.T, n_out, names[1])
    return examples
