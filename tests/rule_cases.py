"""Update rules and networks to try them on, each beside its meaning in NumPy."""

from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp

from mlp_fast import MLP, reference
from mlp_fast.optimizers import RPROP, SGD, Adam, AdamW, Momentum, Optimizer, RMSprop
from mlp_fast.reference import Reference


class Rule(NamedTuple):
    """A rule, what makes it in NumPy, and a rate at which it learns."""

    optimizer: Optimizer
    meaning: Any
    rate: float | None = 0.1


# an epsilon of 1e-3 bounds what a rounding of a gradient near 0 makes of a step
RULES = {
    "sgd": Rule(SGD(), reference.UpdateRule),
    "momentum": Rule(Momentum(0.8), lambda: reference.Momentum(0.8), 0.002),
    "nesterov": Rule(
        Momentum(0.7, nesterov=True), lambda: reference.Momentum(0.7, nesterov=True), 0.002
    ),
    "rmsprop": Rule(RMSprop(0.8, 1e-3), lambda: reference.RMSprop(0.8, 1e-3), 0.01),
    "adam": Rule(Adam(0.8, 0.95, 1e-3), lambda: reference.Adam(0.8, 0.95, 1e-3), 0.01),
    "adamw": Rule(
        AdamW(0.8, 0.95, 1e-3, weight_decay=0.3),
        lambda: reference.AdamW(0.8, 0.95, 1e-3, weight_decay=0.3),
        0.01,
    ),
    "rprop": Rule(RPROP(), reference.RPROP, None),
}
MODES = {"online": 1, "mini": 7, "full": None}
"""Of 75 rows, the last mini-batch has 5, and the last block of online training 11."""
K = 75
NETWORKS = {
    "input-major": ((7, 20, 2), "tanh", "sigmoid", "squared_error"),
    "output-major": ((100, 1, 2), "sigmoid", "tanh", "squared_error"),
    "one output": ((100, 1), "", "linear", "squared_error"),
    "no hidden": ((12, 5), "", "softmax", "cross_entropy"),
    "deep": ((9, 8, 11, 6, 3), "tanh", "softmax", "cross_entropy"),
    "2-2-1": ((2, 2, 1), "sigmoid", "sigmoid", "squared_error"),
    "8-50-1": ((8, 50, 1), "relu", "linear", "squared_error"),
    "unpadded": ((100, 18, 2), "tanh", "sigmoid", "binary_cross_entropy"),
    "wide": ((5, 300, 9), "tanh", "sigmoid", "squared_error"),
}


def goes(rule, mode="full", l2=0.0):
    """Return whether a rule takes batches of a mode, and this penalty."""
    optimizer = RULES[rule].optimizer
    return not (optimizer.full_batch and MODES.get(mode)) and not (optimizer.decays and l2)


def options_of(rule, mode="full", network="input-major", **more):
    """Return the options of a network that is trained by a rule."""
    sizes, hidden, output, loss = NETWORKS[network]
    told = {"layer_sizes": sizes[1:-1], "output_activation": output, "loss": loss}
    told |= {"optimizer": RULES[rule].optimizer, "batch_size": MODES.get(mode)}
    if hidden:
        told["activation"] = hidden
    if RULES[rule].rate is not None:
        told["learning_rate"] = RULES[rule].rate
    return {**told, **more}


def examples(network="input-major", rows="dense", dtype="float64", k=K, seed=0):
    """Return inputs, half of them 0, and targets that can nearly be learnt."""
    sizes, _, output, _ = NETWORKS[network]
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((k, sizes[0])) * (rng.random((k, sizes[0])) < 0.5)
    T = rng.random((k, sizes[-1]))
    if output == "softmax":
        T /= T.sum(axis=1, keepdims=True)
    X, T = X.astype(dtype), T.astype(dtype)
    return (sp.csr_array(X) if rows == "CSR" else X), T


def some_weights(k=K, seed=0):
    """Return weights of samples, of which a third are 0."""
    rng = np.random.default_rng(seed)
    return 3 * rng.random(k) * (rng.random(k) < 0.67)


def reference_of(rule, network, weights, l2=0.0, clip_norm=None, dtype="float64"):
    """Return the reference, from these weights on."""
    sizes, hidden, output, loss = NETWORKS[network]
    return Reference(
        [np.array(W, dtype) for W in weights],
        [hidden] * (len(sizes) - 2) + [output],
        loss,
        rule=RULES[rule].meaning(),
        l2=l2,
        clip_norm=np.inf if clip_norm is None else clip_norm,
    )


def fresh(network, **options):
    """Return a network with weights, to be trained by `resume`."""
    return MLP(**options).init_weights(NETWORKS[network][0], 3)


def rule_bits(m):
    """Return what the update rule keeps."""
    rule = m._history.rule
    return rule and (rule.name, *(array.tobytes() for array in rule.all_arrays))
