"""The SIMD vector type, functions on it, and the microkernels of matmuls."""
