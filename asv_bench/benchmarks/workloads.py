"""What the benchmarks run: shapes, seeded data, and the same work by `mlp_fast` and by NumPy."""

import functools
from collections.abc import Callable

import numpy as np

from mlp_fast import MLP
from mlp_fast.reference import Reference

SHAPES = {
    "2-2-1": (2, 2, 1),
    "8-50-1": (8, 50, 1),
    "64-128-10": (64, 128, 10),
    "784-100-10": (784, 100, 10),
}
DTYPES = ("float64", "float32")
IMPLEMENTATIONS = ("mlp_fast", "numpy")
ROWS = 1000
BATCH_SIZES = {"online": 1, "mini_batch": 32, "full_batch": None}
LEARNING_RATES = {"online": 0.1, "mini_batch": 0.5, "full_batch": 1.0}


@functools.cache
def data(shape: str, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """Draw inputs about a centre for each class, near enough for every layer to matter."""
    n_in, *_, n_out = SHAPES[shape]
    classes = max(2, n_out)
    draw = np.random.default_rng(0)
    centres = draw.uniform(-1, 1, (classes, n_in))
    labels = draw.integers(classes, size=ROWS)
    X = centres[labels] + 0.5 * draw.standard_normal((ROWS, n_in))
    T = labels[:, np.newaxis] if n_out == 1 else np.eye(n_out)[labels]
    return X.astype(dtype), T.astype(dtype)


def network(shape: str, dtype: str, **options: object) -> MLP:
    """Make an `MLP` of a shape; its weights, drawn from seed 0, are those of `reference`."""
    return MLP(layer_sizes=SHAPES[shape][1:-1], dtype=dtype, random_state=0, **options)


def reference(shape: str, dtype: str) -> Reference:
    """Make the same network in NumPy, with weights as `MLP.train` draws them."""
    initial = MLP(dtype=dtype).init_weights(SHAPES[shape], random_state=0)
    return Reference(initial.weights.copy(), ["sigmoid", "sigmoid"])


def trainer(
    implementation: str, mode: str, shape: str, dtype: str, epochs: int
) -> Callable[[], float]:
    """Return what trains a fresh network, in the data's order, and returns its last mean loss."""
    X, T = data(shape, dtype)
    eta, batch_size = LEARNING_RATES[mode], BATCH_SIZES[mode]

    def mlp_fast() -> float:
        net = network(shape, dtype, learning_rate=eta, batch_size=batch_size, shuffle=False)
        return float(net.train(X, T, epochs).loss_curve_[-1])

    def numpy() -> float:
        net = reference(shape, dtype)
        net.train(X, T, [np.arange(ROWS)] * epochs, batch_size or ROWS, eta)
        return net.losses[-1]

    return {"mlp_fast": mlp_fast, "numpy": numpy}[implementation]


def predictor(implementation: str, rows: int, shape: str, dtype: str) -> Callable[[], np.ndarray]:
    """Return what predicts the first rows of the data, with the initial weights."""
    X = data(shape, dtype)[0][:rows]
    if implementation == "mlp_fast":
        net = MLP(dtype=dtype).init_weights(SHAPES[shape], random_state=0)
        return lambda: net.predict(X)
    forward = reference(shape, dtype).forward
    return lambda: (forward(X)[1][-1] > 0.5).astype(np.int64)
