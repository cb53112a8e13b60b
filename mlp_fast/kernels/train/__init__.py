"""Training: online and in batches; the general kernels, and special ones for small networks."""
