"""How kernels are compiled, for which CPU, and where their machine code is cached."""
