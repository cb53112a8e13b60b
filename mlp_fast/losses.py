"""Which output activations each loss may be paired with."""

from typing import Literal

from mlp_fast.activations import trainable
from mlp_fast.kernels.network.loss import LOSSES, Loss

__all__ = ["CROSS_ENTROPY", "LOSSES", "Loss", "LossName", "legal_pairs", "outputs_of"]

LossName = Literal["squared_error", "cross_entropy", "binary_cross_entropy", "poisson"]
"""The names in signatures; tests hold them and `LOSSES` together."""

CROSS_ENTROPY = LOSSES["cross_entropy"]


def outputs_of(loss: Loss) -> tuple[str, ...]:
    """Return the names of the output activations that a loss may be paired with."""
    return loss.outputs or tuple(trainable())


def legal_pairs() -> str:
    """List every legal pair of loss and output activation, for error messages."""
    return "; ".join(f"{name} with {', '.join(outputs_of(loss))}" for name, loss in LOSSES.items())
