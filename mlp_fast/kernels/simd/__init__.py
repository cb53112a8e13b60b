"""Vectors in registers: the type, what is computed on it, and the innermost loops of products."""
