"""The progress bar: samples per second, loss and validation loss, in a terminal or a notebook."""

from typing import Any, Self

from mlp_fast.extras import extra
from mlp_fast.history import History


class Bar:
    """A bar that counts samples, shown while it is a context.

    Parameters
    ----------
    total : int or None
        Samples in all; None if it is not known yet.
    """

    def __init__(self, total: int | None) -> None:
        self._tqdm = extra("tqdm.auto", "progress").tqdm
        self._total = total

    def __enter__(self) -> Self:
        self._shown: Any = self._tqdm(total=self._total, unit="sample", unit_scale=True)
        return self

    def __exit__(self, *error: object) -> None:
        self._shown.close()

    def at(self, samples: int) -> None:
        """Show how many samples are done."""
        self._shown.update(samples - self._shown.n)

    def expect(self, total: int) -> None:
        """Set how many samples there will be in all."""
        self._shown.total = total

    def show(self, history: History) -> None:
        """Show the last losses."""
        losses = {"loss": f"{history.loss[-1]:.4g}"}
        if len(history.validation_loss) == history.epochs:
            losses["validation_loss"] = f"{history.validation_loss[-1]:.4g}"
        self._shown.set_postfix(losses, refresh=False)


class NoBar(Bar):
    """What stands for a bar where none is asked for."""

    def __init__(self) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def at(self, samples: int) -> None:
        """Show nothing."""

    def expect(self, total: int) -> None:
        """Expect nothing."""

    def show(self, history: History) -> None:
        """Show nothing."""


NO_BAR = NoBar()
