"""Plain C, compiled when first used; see c_online.c."""

import ctypes
import functools
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from peers.job import Array, Job, Network, Run

SOURCE = Path(__file__).with_name("c_online.c")
COMPILER = os.environ.get("CC", "cc")
FLAGS = ("-O3", "-march=native", "-ffast-math")
ROW_BYTES = (1, 32, 64)  # what rows are padded to

if shutil.which(COMPILER) is None:
    raise ImportError(f"there is no C compiler {COMPILER!r}")


def _trainer(job: Job, *, for_shape: bool, row_bytes: int, by_output: bool) -> Run:
    """Return one variant."""
    network, row_bytes = job.network, max(row_bytes, job.dtype.itemsize)
    constant = network.sizes if for_shape else None
    train = _compiled(network, job.dtype.name, constant, job.many_zeros, row_bytes, by_output)
    sizes = np.array(network.sizes, np.intc)
    blocks = _blocks(job, row_bytes // job.dtype.itemsize, by_output)
    ends = np.cumsum([0, *(block.size for block in blocks)])
    initial = np.concatenate([block.ravel() for block in blocks])
    theta = _aligned(initial)
    arguments = (
        *(sizes.ctypes.data, len(sizes) - 1, theta.ctypes.data, job.X.ctypes.data),
        *(job.T.ctypes.data, len(job.X), job.epochs, network.learning_rate),
    )

    def restore() -> None:
        theta[:] = initial

    def weights() -> list[Array]:
        parts = [
            theta[i:j].reshape(block.shape)
            for i, j, block in zip(ends[:-1], ends[1:], blocks, strict=True)
        ]
        return _unpacked(parts, job.weights, by_output)

    kept_alive = sizes, job
    return Run(
        lambda: kept_alive and train(*arguments),
        job.samples,
        restore,
        weights,
        note=f"rows of {row_bytes} bytes, later layers by {'output' if by_output else 'input'}",
    )


def _blocks(job: Job, lanes: int, by_output: bool) -> list[Array]:
    """Return the matrices as C has them: padded rows, by input, or by output and then biases."""
    blocks = []
    for l, W in enumerate(job.weights):
        if l > 0 and by_output:
            blocks += [_padded(W[1:].T, lanes), _padded(W[:1], lanes)]
        else:
            blocks.append(_padded(W, lanes))
    return blocks


def _unpacked(parts: list[Array], like: list[Array], by_output: bool) -> list[Array]:
    weights, rest = [], iter(parts)
    for l, W in enumerate(like):
        n_in, n_out = W.shape[0] - 1, W.shape[1]
        if l > 0 and by_output:
            matrix, bias = next(rest), next(rest)
            weights.append(np.vstack([bias[:, :n_out], matrix[:, :n_in].T]))
        else:
            weights.append(next(rest)[:, :n_out].copy())
    return weights


def _padded(W: Array, lanes: int) -> Array:
    return np.pad(W, ((0, 0), (0, -W.shape[1] % lanes)))


def _aligned(initial: Array) -> Array:
    """Return a copy that begins at a cache line."""
    raw = np.empty(initial.nbytes + 64, np.uint8)
    start = -raw.ctypes.data % 64
    copy = raw[start : start + initial.nbytes].view(initial.dtype)
    copy[:] = initial
    return copy


@functools.cache
def _folder() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory(prefix="c_online")


@functools.cache
def _compiled(
    network: Network,
    dtype: str,
    sizes: tuple[int, ...] | None,
    listed: bool,
    row_bytes: int,
    by_output: bool,
) -> ctypes._CFuncPtr:
    """Compile one variant, and return its function."""
    macros = {
        "REAL": {"float32": "float", "float64": "double"}[dtype],
        "HIDDEN": network.hidden.upper(),
        "OUTPUT": network.output.upper(),
        "LIST_INPUTS": int(listed),
        "ROW_BYTES": row_bytes,
        "BY_OUTPUT": int(by_output),
    }
    if sizes is not None:
        macros["SIZES"] = ",".join(map(str, sizes))
    defined = [f"-D{name}={value}" for name, value in macros.items()]
    stem = Path(tempfile.mkdtemp(dir=_folder().name)) / "online"
    code, library = stem.with_suffix(".o"), stem.with_suffix(".so")
    subprocess.run([COMPILER, *FLAGS, "-fPIC", *defined, "-c", SOURCE, "-o", code], check=True)
    # linked without -ffast-math, which would flush denormals to zero in the whole process
    subprocess.run([COMPILER, "-shared", code, "-o", library, "-lm"], check=True)
    train = ctypes.CDLL(str(library)).train
    train.argtypes = [
        *(ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p),
        *(ctypes.c_long, ctypes.c_long, ctypes.c_double),
    ]
    train.restype = None
    return train


def version() -> str:
    """Return the compiler's name and version."""
    shown = subprocess.run([COMPILER, "--version"], capture_output=True, text=True, check=True)
    return shown.stdout.splitlines()[0]


def _variants(*, for_shape: bool) -> tuple[Callable[[Job], Run], ...]:
    return tuple(
        partial(_trainer, for_shape=for_shape, row_bytes=row_bytes, by_output=by_output)
        for row_bytes, by_output in itertools.product(ROW_BYTES, (False, True))
    )


any_sizes, these_sizes = _variants(for_shape=False), _variants(for_shape=True)
