"""What is legal: every pair of output and loss, and data and networks to try them on."""

import numpy as np
import pytest

from mlp_fast import MLP
from mlp_fast.activations import ACTIVATIONS, trainable
from mlp_fast.boundary.arrays import read_only
from mlp_fast.boundary.examples import Examples
from mlp_fast.boundary.rows import dense_rows
from mlp_fast.kernels.linalg.matrix import Rows
from mlp_fast.learning import Learner
from mlp_fast.losses import LOSSES as LOSS
from mlp_fast.losses import outputs_of
from mlp_fast.reference import Reference

LEGAL_PAIRS = [(output, name) for name, loss in LOSS.items() for output in outputs_of(loss)]
ONE_OUTPUT = [
    (output, loss) for output, loss in LEGAL_PAIRS if not ACTIVATIONS[output].couples_layer
]
OUTPUTS, LOSSES = [*ACTIVATIONS], [*LOSS]
HIDDEN = [name for name in trainable() if not ACTIVATIONS[name].couples_layer]
DTYPES = ["float64", "float32"]

learns_little = pytest.mark.filterwarnings("ignore:after .* epochs the loss is:UserWarning")
"""For trainings that end no better than a constant answer, which is not what is tested."""


def make_data(output, k=23, n_in=5, n_out=3, seed=0):
    """Return inputs and targets, not one-hot, that the output activation can produce."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((k, n_in))
    T = rng.random((k, n_out))
    if output == "softmax":
        T /= T.sum(axis=1, keepdims=True)
    elif output == "exponential":  # a quarter is 0, and some are above 1
        T = np.maximum(0.0, 3 * T - 0.75)
    elif ACTIVATIONS[output].low == -1:
        T = 2 * T - 1
    elif ACTIVATIONS[output].low < 0:
        T = rng.standard_normal((k, n_out))
    return X, T


def small_rate(rate, *activations):
    """Return a rate at which networks of these activations do not diverge within a test.

    Exponentials have slopes without a bound, so that a step by them is soon too long.
    """
    return rate / 25 if "exponential" in activations else rate


def make_betas(activations):
    """Return a beta for each layer, other than 1 wherever that is legal."""
    return [
        [0.7, 1.3, 2.0, 0.5][l % 4] if g == "sigmoid" else 1.0 for l, g in enumerate(activations)
    ]


def reference_of(m, loss, activations, betas):
    """Return the reference in the state that the network is in."""
    return Reference(m.weights.copy(), activations, loss, betas)


def make_pair(sizes, hidden, output, loss, dtype="float64", seed=3):
    """Return the same fresh network twice: the compiled one and the reference."""
    activations = [hidden] * (len(sizes) - 2) + [output]
    betas = make_betas(activations)
    m = MLP(
        layer_sizes=sizes[1:-1],
        activation=hidden,
        output_activation=output,
        loss=loss,
        beta=betas,
        dtype=dtype,
        random_state=seed,
    )
    m.init_weights(sizes, seed)
    return m, reference_of(m, loss, activations, betas)


def calls_of(m, X, T, epochs=1, weights=None, **options):
    """Return the calls by which a fresh network would train on rows, with some other options."""
    settings = m.settings.told(options)
    rows = X if isinstance(X, Rows) else dense_rows(read_only(X))
    examples = Examples(rows, read_only(T), False, weights)
    learner = Learner(m._net, settings, m._history)
    learner.prepare()
    return learner.calls(examples, settings.rate(0), epochs)


def assert_to_rounding(actual, expected, steps):
    """Compare weights after so many steps: a few roundings for each step, no more."""
    for A, E in zip(actual, expected, strict=True):
        bound = 8 * steps * np.finfo(E.dtype).eps
        assert A.dtype == E.dtype
        np.testing.assert_allclose(A, E, rtol=bound, atol=bound * max(1.0, np.abs(E).max()))
