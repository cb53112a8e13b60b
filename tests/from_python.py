"""Inner kernels, made callable from Python."""

from numba import njit

from mlp_fast.kernels.network import shuffle


@njit
def permute(order, key, epoch):
    """Call the inner kernel."""
    shuffle.permute(order, key, epoch)
