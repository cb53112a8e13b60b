"""The demo: XOR and AND as in the tutorial, then real handwritten digits."""

import functools
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import mlp_fast
from mlp_fast.extras import extra
from mlp_fast.kernels.compile.cache import folder_to_write
from mlp_fast.kernels.compile.notice import NOTICE
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.mlp import MLP
from mlp_fast.plots import XOR_INPUTS, XOR_TARGETS, write_all
from mlp_fast.reference import Reference, initial_weights

AND_TARGETS = np.array([[0], [0], [0], [1]])

HIDDEN, RATE, EPOCHS, SEED = 100, 0.2, 30, 0
NUMPY_SAMPLES = 2000  # that the NumPy loop is timed on

say = functools.partial(print, flush=True)  # before what takes long, into a pipe, too


@NOTICE.silenced()  # it says itself when it compiles
def run(plots: Path | None = None) -> None:
    """Train the networks of the demo, and say what each number that it prints means.

    Parameters
    ----------
    plots : path, optional
        A folder to write the tutorial's pictures to (needs the extra ``plot``).
    """
    say(f"mlp_fast {mlp_fast.__version__}. Code is compiled when it is first called, which takes")
    folder = folder_to_write()
    if folder:
        say(f"seconds; it is kept in {folder},")
        say("from where later runs load it.")
    else:
        say("seconds, every time: no folder can be written (MLP_FAST_CACHE_DIR chooses one).")
    for package, name in (("sklearn", "demo"), ("tqdm", "demo")):
        extra(package, name)
    if plots is not None:
        extra("plotly", "plot")
        plots.mkdir(parents=True, exist_ok=True)  # if it cannot be made, say so now
    say(
        "\nXOR and AND, as in the tutorial: 2-2-1 networks, 5001 epochs of one update by all 4 rows"
    )
    X, T = XOR_INPUTS, XOR_TARGETS
    ready(lambda: MLP().train(X, T, 1, layer_sizes=(2,)).confmat(X, T))
    say("  error: sum of (output - target)² over the rows, by their number (twice equation 46)")
    gate("XOR", X, T, seed=0)
    gate("AND", X, AND_TARGETS, seed=27)
    digits()
    if plots is not None:
        say("\nThe tutorial's pictures: compiling or loading what they need, and drawing them ...")
        say(f"  open {write_all(plots)[0]}")


def ready(call: Callable[[], object]) -> None:
    """Make a small call, which compiles or loads what it runs, and tell how long that took."""
    say("  compiling, or loading from disk ...")
    started = time.perf_counter()
    call()
    say(f"  ... took {time.perf_counter() - started:.1f} s")


def gate(name: str, X: Floats, T: Floats, seed: int) -> None:
    """Train a logical gate as the tutorial does: 2-2-1, 5001 epochs of the full batch."""
    m = MLP().train(X, T, 5001, layer_sizes=(2,), learning_rate=1, random_state=seed)
    (tp, fp), (fn, tn) = m.confmat(X, T)
    say(f"  {name}: error {m.error_}")
    say("  confusion matrix  target 1  target 0")
    say(f"       predicted 1  {tp:8}  {fp:8}")
    say(f"       predicted 0  {fn:8}  {tn:8}")


def digits() -> None:
    """Train a network online to read handwritten digits; time it beside the NumPy loop."""
    say("\nHandwritten digits, from scikit-learn: images of 8×8 pixels")
    datasets = extra("sklearn.datasets", "demo")
    split = extra("sklearn.model_selection", "demo").train_test_split
    images, labels = datasets.load_digits(return_X_y=True)
    X, X_test, y, y_test = split(
        images / 16, labels, test_size=0.2, stratify=labels, random_state=SEED
    )
    T = np.eye(10)[y]
    sizes = (X.shape[1], HIDDEN, T.shape[1])
    shape = "-".join(map(str, sizes))
    say(f"  {shape} network, online (one update for each row), {EPOCHS} epochs of {len(X)} rows")
    # in the order of the rows, so that NumPy can take the same steps
    network = MLP(
        layer_sizes=HIDDEN, batch_size=1, learning_rate=RATE, random_state=SEED, shuffle=False
    )
    ready(lambda: network.train(X, T, 1).predict_classes(X_test))
    started = time.perf_counter()
    network.train(X, T, EPOCHS, progress=True)
    fast = len(X) * EPOCHS / (time.perf_counter() - started)
    right = np.mean(network.predict_classes(X_test) == y_test)
    loss = network.loss_curve_[-1]
    say(f"  loss {loss:.4f}, mean over the rows of the last epoch: half the sum of")
    say("  (output - target)² over the 10 outputs (equation 46)")
    say(f"  accuracy {right:.1%}, on {len(X_test)} other rows that it was not trained on")

    slow = numpy_samples_per_second(X, T, sizes)
    say(f"  mlp_fast {fast:,.0f} samples/s, without the time to compile or load")
    say(f"  the first {NUMPY_SAMPLES} of the same steps in pure NumPy {slow:,.0f} samples/s")
    say(f"  {fast / slow:.0f} times as fast")


def numpy_samples_per_second(X: Floats, T: Floats, sizes: tuple[int, ...]) -> float:
    """Time the NumPy reference on the same online steps, from the same initial weights."""
    reference = Reference(initial_weights(sizes, SEED), ["sigmoid", "sigmoid"])
    order = np.arange(NUMPY_SAMPLES) % len(X)
    started = time.perf_counter()
    reference.train(X, T, [order], batch_size=1, eta=RATE)
    return NUMPY_SAMPLES / (time.perf_counter() - started)
