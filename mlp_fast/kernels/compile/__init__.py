"""How kernels are compiled, where machine code is kept, and for which CPU."""
