"""Matmuls, matvecs, and passes over rows, dense and CSR."""
