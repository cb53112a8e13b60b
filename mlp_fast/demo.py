"""The demo: XOR and AND as in the tutorial, then real handwritten digits."""

import time
from pathlib import Path

import numpy as np

from mlp_fast.extras import extra
from mlp_fast.initialisation import initial_weights
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.mlp import MLP
from mlp_fast.plots import XOR_INPUTS, XOR_TARGETS, write_all
from mlp_fast.reference import Reference

AND_TARGETS = np.array([[0], [0], [0], [1]])

HIDDEN, RATE, EPOCHS, SEED = 100, 0.2, 30, 0
NUMPY_SAMPLES = 2000  # that the NumPy loop is timed on


def run(plots: Path | None = None) -> None:
    """Train the networks of the demo and print how they did.

    Parameters
    ----------
    plots : path, optional
        A folder to write the tutorial's pictures to (needs the extra ``plot``).
    """
    for package, name in (("sklearn", "demo"), ("tqdm", "demo")):
        extra(package, name)
    if plots is not None:
        extra("plotly", "plot")
    started = time.perf_counter()
    MLP(batch_size=1, progress=False).train([[0.0]], [[1.0]], 1, layer_sizes=1)
    MLP(batch_size=None).train([[0.0]], [[1.0]], 1, layer_sizes=1).predict([[0.0]])
    seconds = time.perf_counter() - started
    print(f"kernels ready after {seconds:.1f} s (the first run compiles them)\n")
    gate("XOR", XOR_INPUTS, XOR_TARGETS, seed=0)
    gate("AND", XOR_INPUTS, AND_TARGETS, seed=27)
    digits()
    if plots is not None:
        print()
        for path in write_all(plots):
            print(f"wrote {path}")


def gate(name: str, X: Floats, T: Floats, seed: int) -> None:
    """Train a logical gate as the tutorial does: 2-2-1, 5001 epochs of the full batch."""
    m = MLP().train(X, T, 5001, layer_sizes=(2,), learning_rate=1, random_state=seed)
    print(f"{name}: error {m.error_}")
    print(f"confusion matrix [[tp, fp], [fn, tn]]:\n{m.confmat(X, T)}\n")


def digits() -> None:
    """Train a network online to read handwritten digits; time it beside the NumPy loop."""
    datasets = extra("sklearn.datasets", "demo")
    split = extra("sklearn.model_selection", "demo").train_test_split
    images, labels = datasets.load_digits(return_X_y=True)
    X, X_test, y, y_test = split(
        images / 16, labels, test_size=0.2, stratify=labels, random_state=SEED
    )
    T = np.eye(10)[y]
    sizes = (X.shape[1], HIDDEN, T.shape[1])
    shape = "-".join(map(str, sizes))
    print(f"handwritten digits, {shape}, online, {len(X)} of {len(images)} rows")
    network = MLP(
        layer_sizes=HIDDEN, batch_size=1, learning_rate=RATE, random_state=SEED, progress=True
    )
    started = time.perf_counter()
    network.train(X[:2], T[:2], 1, progress=False)  # compiles, or loads from the cache
    compiling = time.perf_counter() - started
    started = time.perf_counter()
    network.train(X, T, EPOCHS)
    fast = len(X) * EPOCHS / (time.perf_counter() - started)

    slow = numpy_samples_per_second(X, T, sizes)
    right = np.mean(network.predict_classes(X_test) == y_test)
    print(f"test accuracy {right:.1%}, mean loss of the last epoch {network.loss_curve_[-1]:.4f}")
    print(f"mlp_fast {fast:,.0f} samples/s; the same steps in pure NumPy {slow:,.0f} samples/s")
    print(f"{fast / slow:.0f} times faster, after {compiling:.1f} s to compile or load the kernels")


def numpy_samples_per_second(X: Floats, T: Floats, sizes: tuple[int, ...]) -> float:
    """Time the NumPy reference on the same online steps."""
    reference = Reference([*initial_weights(sizes, SEED)], ["sigmoid", "sigmoid"])
    order = np.arange(NUMPY_SAMPLES) % len(X)
    started = time.perf_counter()
    reference.train(X, T, [order], batch_size=1, eta=RATE)
    return NUMPY_SAMPLES / (time.perf_counter() - started)
