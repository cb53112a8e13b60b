"""Benchmarks of `mlp_fast` beside its NumPy reference, on one thread."""

import os

from threadpoolctl import threadpool_limits

for library in ("OMP", "OPENBLAS", "MKL", "NUMBA"):  # for what is loaded from here on
    os.environ[f"{library}_NUM_THREADS"] = "1"
threadpool_limits(1)  # for NumPy's BLAS, which asv has loaded before this is imported
