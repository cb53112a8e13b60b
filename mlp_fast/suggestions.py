"""Unknown options: an error that suggests the one that is meant."""

import difflib
import functools
import inspect
from collections.abc import Callable, Sequence
from typing import ParamSpec, TypeVar

from mlp_fast.options import OF_NETWORK

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

ELSEWHERE = {
    **dict.fromkeys(
        ("hidden_layer_sizes", "hidden_layers", "hidden_sizes", "hidden_units", "hidden", "units"),
        "layer_sizes",
    ),
    **dict.fromkeys(("lr", "eta", "eta0", "learning_rate_init", "step_size"), "learning_rate"),
    **dict.fromkeys(("batch", "minibatch", "mini_batch_size"), "batch_size"),
    **dict.fromkeys(("max_iter", "n_epochs", "num_epochs", "n_iter", "iterations"), "epochs"),
    **dict.fromkeys(("seed", "rng", "random_seed"), "random_state"),
    **dict.fromkeys(
        ("init", "initialization", "initializer", "kernel_initializer", "weight_init"),
        "initialisation",
    ),
    **dict.fromkeys(("nonlinearity", "hidden_activation"), "activation"),
    **dict.fromkeys(("out_activation", "final_activation"), "output_activation"),
    **dict.fromkeys(("x", "inputs", "data"), "X"),
    **dict.fromkeys(("y", "t", "targets", "labels"), "T"),
    **dict.fromkeys(("solver", "optim", "update_rule"), "optimizer"),
    **dict.fromkeys(("schedule", "scheduler", "lr_schedule"), "learning_rate"),
    **dict.fromkeys(("sample_weights", "class_weight"), "sample_weight"),
    **dict.fromkeys(("clipnorm", "max_norm", "max_grad_norm", "global_clipnorm"), "clip_norm"),
    **dict.fromkeys(("criterion", "objective", "loss_function"), "loss"),
}
"""What people know from other libraries, and how it is called here."""
ABSENT = {
    "alpha": "the penalty on weights is l2, and the learning rate is learning_rate",
    "momentum": "give it to a rule: optimizer=mlp_fast.optimizers.Momentum(momentum)",
    **dict.fromkeys(
        ("weight_decay", "nesterov", "nesterovs_momentum", "beta_1", "beta_2", "epsilon", "rho"),
        "give it to a rule of mlp_fast.optimizers, such as Adam(beta_1=0.9)",
    ),
    "warm_start": "to train on from where training stands, call m.resume",
    **dict.fromkeys(
        ("early_stopping", "n_iter_no_change"),
        "it is patience, with validation=(X, T) or validation_fraction",
    ),
    "validation_data": "it is validation=(X, T)",
    "callbacks": "it is callback, one function",
    "weights": "give them to train, or assign them to m.weights",
    **dict.fromkeys(("validation", "callback", "checkpoint"), "give it to train or resume"),
    "checkpoint_every": "give it to train or resume, beside checkpoint",
}
"""What has another meaning elsewhere, or another place."""


def suggesting(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Let a function whose keyword arguments are options suggest a name for an unknown one."""
    parameters = [*inspect.signature(function).parameters.values()][1:]  # without self
    names = [p.name for p in parameters if p.kind is not p.VAR_KEYWORD]
    known = frozenset(names)
    if len(names) < len(parameters):  # resume, which checks these
        known |= OF_NETWORK

    @functools.wraps(function)
    def checked(*args: Parameters.args, **options: Parameters.kwargs) -> Result:
        if not known.issuperset(options):
            unknown = next(name for name in options if name not in known)
            raise TypeError(f"unknown option {unknown!r}{_hint(unknown, names)}")
        return function(*args, **options)

    return checked


def _hint(unknown: str, names: Sequence[str]) -> str:
    options = [name for name in names if name not in ("X", "T")]
    name, listed = unknown.lower(), f"the options are {', '.join(options)}"
    if name in ABSENT:
        return f": {ABSENT[name]}; {listed}"
    near = difflib.get_close_matches(name, options, n=1)
    meant = ELSEWHERE.get(name) or "".join(near)
    if meant not in names:
        return f"; {listed}"
    return f": did you mean {meant!r}? {listed[0].upper()}{listed[1:]}"
