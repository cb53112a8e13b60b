"""Products, sums and passes over matrices and rows, dense and CSR."""
