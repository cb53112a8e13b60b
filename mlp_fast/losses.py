"""The registry of losses: names, kernel codes, and the output activations they pair with."""

from dataclasses import dataclass

from mlp_fast.kernels.network import loss as codes


@dataclass(frozen=True)
class Loss:
    """What the rest of the package must know of a loss; like activations, compared by ``==``."""

    name: str
    code: int
    output_activations: tuple[str, ...]


SQUARED_ERROR = Loss(
    "squared_error", codes.SQUARED_ERROR, ("sigmoid", "tanh", "linear", "relu", "softmax")
)
CROSS_ENTROPY = Loss("cross_entropy", codes.CROSS_ENTROPY, ("softmax",))
BINARY_CROSS_ENTROPY = Loss("binary_cross_entropy", codes.BINARY_CROSS_ENTROPY, ("sigmoid",))

LOSSES = {loss.name: loss for loss in (SQUARED_ERROR, CROSS_ENTROPY, BINARY_CROSS_ENTROPY)}


def legal_pairs() -> str:
    """Name every legal pair of loss and output activation, for error messages."""
    return "; ".join(
        f"{loss.name} with {', '.join(loss.output_activations)}" for loss in LOSSES.values()
    )
