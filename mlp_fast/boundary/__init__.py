"""The boundary: what users hand in becomes arrays that kernels take, or a clear error.

Calls and imports go one way: from `inputs` to `csr`, to `rows`, to `arrays`. Of this room,
`targets`, `weights` and `orders` need `arrays` alone.
"""
