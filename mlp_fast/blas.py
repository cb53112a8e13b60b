"""SciPy's BLAS, found when a batch first needs it: importing it takes a tenth of a second."""

import functools

from numba.extending import get_cython_function_address


@functools.cache
def gemm_address(dtype: str) -> int:
    """Return the address of dgemm or sgemm."""
    name = {"float64": "dgemm", "float32": "sgemm"}[dtype]
    return int(get_cython_function_address("scipy.linalg.cython_blas", name))
