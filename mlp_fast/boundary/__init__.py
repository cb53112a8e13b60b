"""Validation: turn what users pass into the arrays that kernels take, or raise a clear error.

Imports go one way: from `inputs` to `csr` to `rows` to `arrays` to `frames` to `values`; `targets`,
`weights` and `orders` need only `arrays`.
"""
