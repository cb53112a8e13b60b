"""Benchmarks of `mlp_fast`, beside its NumPy reference and its peers, on one thread."""

import os
import sys
from pathlib import Path

from threadpoolctl import threadpool_limits

sys.path.append(str(Path(__file__).parents[1]))  # asv imports this folder only, not those beside it
for library in ("OMP", "OPENBLAS", "MKL", "NUMBA"):  # for what is loaded from here on
    os.environ[f"{library}_NUM_THREADS"] = "1"
threadpool_limits(1)  # for NumPy's BLAS, which asv has loaded before this is imported
