"""Take over what scikit-learn's own estimators have learnt, and give it back."""

import copy
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from mlp_fast.kernels.simd.types import Floats
from mlp_fast.rule_state import RuleState
from mlp_fast.sklearn.live import Live
from mlp_fast.sklearn.told import rule_of

OF_STATE = {"velocities": ("velocity", -1.0), "ms": ("mean", -1.0), "vs": ("mean_square", 1.0)}
"""What scikit-learn's optimizers keep: its name here, and the sign of what is kept for a bias."""
OWN = "network", "state"
"""Attributes that only this package gives an optimizer."""


def from_sklearn(cls: Any, estimator: Any) -> Any:
    """Return an estimator of ours with all that scikit-learn's has."""
    original = _original(cls)
    if not isinstance(estimator, original):
        raise TypeError(
            f"estimator must be a {original.__module__}.{original.__qualname__}; got a "
            f"{type(estimator).__module__}.{type(estimator).__qualname__}"
        )
    taken = cls(**estimator.get_params(deep=False))
    if isinstance(estimator, cls):
        taken.__setstate__(copy.deepcopy(estimator.__getstate__()))
        return taken
    vars(taken).update(copy.deepcopy(vars(estimator)))
    if "coefs_" in vars(taken):
        live = taken._take_up()
        if "_optimizer" in vars(taken):
            _take_state(taken._optimizer, live)
    return taken


def to_sklearn(estimator: Any) -> Any:
    """Return scikit-learn's own estimator with all that ours has."""
    original = _original(type(estimator))
    known = original().get_params(deep=False)
    params = estimator.get_params(deep=False)
    if not isinstance(estimator.activation, str) or estimator.out_activation is not None:
        raise ValueError(
            "activation must be one name and out_activation None for scikit-learn's estimator; "
            f"got {estimator.activation!r} and {estimator.out_activation!r}"
        )
    given = original(**{name: params[name] for name in known})
    state = copy.deepcopy(estimator.__getstate__())
    ours = {*params, "validation_loss_curve_"} - set(known)
    vars(given).update({name: value for name, value in state.items() if name not in ours})
    if "coefs_" in state:
        check_is_fitted(estimator)
        given.coefs_ = [np.array(W, order="C") for W in state["coefs_"]]
        if "_optimizer" in state:
            _give_state(given._optimizer, estimator._network(), given)
    return given


def _original(cls: Any) -> Any:
    """Return the class of scikit-learn's that this one stands for."""
    return next(
        base
        for base in cls.__mro__
        if base.__module__.startswith("sklearn.neural_network") and base.__name__.startswith("MLP")
    )


def _take_state(optimizer: Any, live: Live) -> None:
    """Have an optimizer keep its state as kernels do."""
    rule, layout = rule_of(optimizer), live.net.layout
    state = RuleState.fresh(rule, layout) if rule.keeps else None
    for theirs, (name, sign) in OF_STATE.items():
        arrays = vars(optimizer).pop(theirs, None)
        if arrays is not None and state is not None and name in state.arrays:
            _fill(live, state.arrays[name], arrays, sign)
    if state is not None and rule.n_powers:
        state.powers[:] = optimizer.beta_1**optimizer.t, optimizer.beta_2**optimizer.t
    optimizer.network, optimizer.state = (layout.sizes, live.net.dtype), state


def _give_state(optimizer: Any, live: Live, given: Any) -> None:
    """Have an optimizer keep its state as scikit-learn does."""
    state = vars(optimizer).get("state")
    for name in OWN:
        vars(optimizer).pop(name, None)
    params = [*given.coefs_, *given.intercepts_]
    is_adam = hasattr(optimizer, "beta_1")
    for theirs, (name, sign) in OF_STATE.items():
        if is_adam != (theirs in ("ms", "vs")):
            continue
        arrays = [np.zeros_like(param) for param in params]
        if state is not None and name in state.arrays:
            matrices, vectors = live.from_views(state.arrays[name], sign)
            arrays = [np.array(array, order="C") for array in (*matrices, *vectors)]
        setattr(optimizer, theirs, arrays)


def _fill(live: Live, buffer: Floats, arrays: list[Floats], sign: float) -> None:
    matrices, vectors = live.from_views(buffer, 1.0)
    for to, array in zip(matrices, arrays[: len(matrices)], strict=True):
        to[:] = array
    for view, array in zip(live.net.layout.views(buffer), arrays[len(vectors) :], strict=True):
        view[0] = sign * array
