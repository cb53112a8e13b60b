"""The weights of a network as users see them: a sequence of live matrices, one per layer."""

from collections.abc import Sequence
from typing import Any, overload

from mlp_fast.boundary.weights import as_layer_weights
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.layout import Layout


class Weights(Sequence[Floats]):
    """A live view of shape (n_in + 1, n_out) per layer; row 0 holds the bias node's weights (68).

    Both ``weights[l][p, q] = value`` and ``weights[l] = W`` change the network.
    """

    def __init__(self, layout: Layout, theta: Floats) -> None:
        self._layout = layout
        self._theta = theta
        self._views = layout.views(theta)

    def __len__(self) -> int:
        return len(self._views)

    @overload
    def __getitem__(self, l: int) -> Floats: ...
    @overload
    def __getitem__(self, l: slice) -> list[Floats]: ...
    def __getitem__(self, l: int | slice) -> Floats | list[Floats]:
        return self._views[l]

    def __setitem__(self, l: int, W: Any) -> None:
        if isinstance(l, slice):
            raise TypeError(
                "weights are set one layer at a time, or all at once: m.weights = [...]"
            )
        l = range(len(self))[l]
        self._views[l][:] = as_layer_weights(W, l, self._layout, self._theta.dtype.name)

    def copy(self) -> list[Floats]:
        """Return copies that share no memory with the network."""
        return [W.copy() for W in self._views]

    def __repr__(self) -> str:
        return f"Weights({self._views!r})"
