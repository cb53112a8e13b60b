"""The forms of an answer: outputs as they are, in the form of the targets, or labels of classes."""

from mlp_fast.kernels.compile.jit import inlined
from mlp_fast.kernels.simd.arrays import integers_in
from mlp_fast.kernels.simd.types import Floats

VALUES, CLASSES, LARGEST, LABELS, ABOVE_HALF, ABOVE_0 = range(6)
"""Outputs; 0 or 1 by the threshold 0.5; 1 for the largest and 0 for others; the index of the
largest; and a label of 0 or 1 of a single output, by the threshold 0.5 or 0."""


@inlined
def write_answer(form: int, a: Floats, out: Floats, i: int) -> None:
    """Write the outputs a of a row to row i of `out`, in this form: integers in its memory."""
    if form == VALUES:
        for j in range(a.size):
            out[i, j] = a[j]
        return
    integers, n = integers_in(out), a.size
    if form >= ABOVE_HALF:
        integers[i] = a[0] > (0.5 if form == ABOVE_HALF else 0.0)
        return
    largest = 0
    for j in range(1, n):
        if a[j] > a[largest]:
            largest = j
    if form == LABELS:
        integers[i] = largest
        return
    for j in range(n):
        integers[i * n + j] = a[j] > 0.5 if form == CLASSES else j == largest
