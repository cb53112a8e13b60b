"""The loss reached after a fixed number of steps: a speed-up that breaks learning shows here."""

import math
import warnings

from .workloads import BATCH_SIZES, DTYPES, IMPLEMENTATIONS, SHAPES, trainer

EPOCHS = {"online": 2, "mini_batch": 8, "full_batch": 60}


class Learning:
    """Mean loss of the last epoch, on which the implementations agree."""

    params = (tuple(BATCH_SIZES), tuple(SHAPES), DTYPES, IMPLEMENTATIONS)
    param_names = ("mode", "shape", "dtype", "implementation")
    unit = "loss"

    def track_loss(self, mode: str, shape: str, dtype: str, implementation: str) -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # `MLP` warns of divergence
            loss = trainer(implementation, mode, shape, dtype, EPOCHS[mode])()
        if not math.isfinite(loss):  # asv takes NaN for a benchmark that was skipped
            raise FloatingPointError(f"the loss is {loss}")
        return loss
