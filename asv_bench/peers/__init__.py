"""What a user could pick instead of `mlp_fast`, one file for each, all on one thread.

A file has a class for each variant worth timing; contenders.py names them, and turns.py those of
latency.py. Importing one that is not installed raises `ImportError`. The mathematics is that of
`mlp_fast.reference`, unless a class says in what it differs.
"""

import os

from threadpoolctl import threadpool_limits

for library in ("OMP", "OPENBLAS", "MKL", "NUMBA"):  # for what is loaded from here on
    os.environ[f"{library}_NUM_THREADS"] = "1"
os.environ["NPROC"] = "1"  # JAX's threads
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_cpu_multi_thread_eigen=false"
os.environ["JAX_PLATFORMS"] = "cpu"
threadpool_limits(1)  # for what is loaded already
