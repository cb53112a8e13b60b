"""A fitted estimator as a file of numbers and text, in which nothing is ever executed."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.validation import check_is_fitted

from mlp_fast.archive import read_archive, write_archive
from mlp_fast.layout import Layout
from mlp_fast.rule_state import RuleState
from mlp_fast.sklearn.live import Live
from mlp_fast.sklearn.told import rule_of

NUMBERS = (
    *("loss_", "best_loss_", "best_validation_score_", "t_", "n_iter_", "n_features_in_"),
    *("n_outputs_", "n_layers_", "_no_improvement_count", "out_activation_", "loss"),
)
CURVES = "loss_curve_", "validation_scores_", "validation_loss_curve_"
WEIGHTS = {"coefs_": "coef", "intercepts_": "intercept"}
BEST = {"_best_coefs": "best_coef", "_best_intercepts": "best_intercept"}
TEXT = "U", "O"
NO_ESTIMATOR = "path must name a file that {} has saved; {!r} is none: {}"


def save(estimator: Any, path: Any) -> None:
    """Write a fitted estimator to a file."""
    check_is_fitted(estimator)
    state = vars(estimator)
    header: dict[str, Any] = {"estimator": type(estimator).__name__}
    header["params"] = {
        name: _encoded(name, value) for name, value in estimator.get_params(deep=False).items()
    }
    header["numbers"] = {name: _encoded(name, state[name]) for name in NUMBERS if name in state}
    arrays = {
        f"{short}_{l}": np.ascontiguousarray(array)
        for name, short in (WEIGHTS | BEST).items()
        for l, array in enumerate(state.get(name, ()))
    }
    for name in CURVES:
        if isinstance(state.get(name), list):
            arrays[name] = np.array(state[name], np.float64)
    for name in ("classes_", "feature_names_in_"):
        if name in state:
            header[name] = _labels(name, state[name])
    if "_label_binarizer" in state:
        header["targets"] = state["_label_binarizer"].y_type_
    if isinstance(state.get("_random_state"), np.random.RandomState):
        header["stream"] = _encoded("random_state", state["_random_state"])
    if "_optimizer" in state:
        header["optimizer"], of_rule = _optimizer(state["_optimizer"])
        arrays |= of_rule
    write_archive(path, header, arrays)


def load(cls: Any, path: Any) -> Any:
    """Read what `save` has written."""
    header, arrays = read_archive(path)
    if header.get("estimator") != cls.__name__:
        found = header.get("estimator", "a network: see MLP.load")
        raise ValueError(NO_ESTIMATOR.format(cls.__name__, str(path), f"it holds {found!r}"))
    try:
        return _restored(cls, header, arrays)
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise ValueError(NO_ESTIMATOR.format(cls.__name__, str(path), reason)) from error


def _restored(cls: Any, header: dict[str, Any], arrays: dict[str, Any]) -> Any:
    estimator = cls(**{name: _decoded(value) for name, value in header["params"].items()})
    estimator._validate_params()
    estimator._check_layers()
    state: dict[str, Any] = {}
    for name, value in header["numbers"].items():
        if name not in NUMBERS:
            raise ValueError(f"{name!r} is no attribute of {cls.__name__}")
        state[name] = _decoded(value)
    for name, short in (WEIGHTS | BEST).items():
        state[name] = _weights(name, short, state, arrays)
    for name in CURVES:
        if name in arrays:
            state[name] = arrays[name].tolist()
        elif name == "validation_scores_" and "loss_curve_" in arrays:
            state[name] = None
    for name in ("classes_", "feature_names_in_"):
        if name in header:
            dtype, values = header[name]
            state[name] = np.array(values, np.dtype(dtype))
    if "targets" in header:
        state["_label_binarizer"] = _binarizer(header["targets"], state["classes_"])
    if "stream" in header:
        state["_random_state"] = _decoded(header["stream"])
    vars(estimator).update(state)
    live = estimator._take_up()
    if (live.net.widths[0], live.net.widths[1]) != (state["n_features_in_"], state["n_outputs_"]):
        raise ValueError("its weights are not those of so many features and outputs")
    if "optimizer" in header:
        estimator._optimizer = _optimizer_of(header["optimizer"], arrays, live)
    return estimator


def _weights(name: str, short: str, state: dict[str, Any], arrays: dict[str, Any]) -> list[Any]:
    """Return a matrix or vector for each layer, whose sizes fit one another."""
    found = [arrays[f"{short}_{l}"] for l in range(state["n_layers_"] - 1)]
    if not all(np.isfinite(array).all() for array in found):
        raise ValueError(f"{name} holds a number that is not finite")
    ends = [array.shape[0] for array in found[1:]]
    if name in ("coefs_", "_best_coefs") and ends != [array.shape[1] for array in found[:-1]]:
        raise ValueError(f"{name} are not those of layers that follow one another")
    if len({array.ndim for array in found} | {2 if "coef" in short else 1}) != 1:
        raise ValueError(f"{name} must be matrices, or vectors for intercepts")
    return found


def _binarizer(targets: str, classes: Any) -> LabelBinarizer:
    """Return scikit-learn's object that encodes labels."""
    binarizer = LabelBinarizer()
    binarizer.classes_, binarizer.y_type_, binarizer.sparse_input_ = classes, targets, False
    return binarizer


def _optimizer(optimizer: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    numbers = {
        name: _encoded(name, value)
        for name, value in vars(optimizer).items()
        if name not in ("network", "state", "velocities", "ms", "vs")
    }
    header: dict[str, Any] = {
        "name": "adam" if hasattr(optimizer, "beta_1") else "sgd",
        "numbers": numbers,
    }
    state = vars(optimizer).get("state")
    arrays: dict[str, Any] = {}
    if state is not None:
        sizes, dtype = optimizer.network
        header["network"] = [list(sizes), dtype]
        arrays = {"powers": state.powers}
        layout = Layout.of(sizes, *_any_activations(sizes), dtype)
        for name, array in state.arrays.items():
            views = enumerate(layout.views(array))
            arrays |= {f"rule_{name}_{l}": np.ascontiguousarray(view) for l, view in views}
    return header, arrays


def _optimizer_of(header: dict[str, Any], arrays: dict[str, Any], live: Live) -> Any:
    optimizer = {"adam": AdamOptimizer, "sgd": SGDOptimizer}[header["name"]]([])
    for name, value in header["numbers"].items():
        if name not in vars(optimizer):
            raise ValueError(f"{name!r} is no attribute of an optimizer")
        setattr(optimizer, name, _decoded(value))
    optimizer.network, optimizer.state = None, None
    if "network" in header:
        layout = live.net.layout
        network = tuple(header["network"][0]), header["network"][1]
        if network == (layout.sizes, live.net.dtype):
            state = RuleState.fresh(rule_of(optimizer), layout)
            state.powers[:] = arrays["powers"]
            for name, buffer in state.arrays.items():
                for l, view in enumerate(layout.views(buffer)):
                    view[:] = arrays[f"rule_{name}_{l}"]
            if not (state.is_finite() and np.isfinite(state.powers).all()):
                raise ValueError("the optimizer's state holds a number that is not finite")
            optimizer.network, optimizer.state = network, state
    return optimizer


def _any_activations(sizes: Any) -> tuple[Any, Any]:
    """Return activations and betas of a layout: where weights lie does not depend on them."""
    from mlp_fast.activations import ACTIVATIONS

    n = len(sizes) - 1
    return (ACTIVATIONS["linear"],) * n, (1.0,) * n


def _labels(name: str, values: Any) -> list[Any]:
    """Return an array of labels as JSON can keep it."""
    array: NDArray[Any] = np.asarray(values)
    listed: list[Any] = array.tolist()
    is_text = array.dtype.kind in TEXT and all(isinstance(value, str) for value in listed)
    if array.dtype.kind not in "biuf" and not is_text:
        raise ValueError(f"{name} must be numbers or text to be saved; got {array.dtype}")
    return [array.dtype.str, listed]


def _encoded(name: str, value: Any) -> Any:
    """Return a value as JSON can keep it."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.random.RandomState):
        kind, keys, *rest = value.get_state()
        return {"stream": [kind, keys.tolist(), *rest]}
    if isinstance(value, float) and not math.isfinite(value):
        return {"number": str(value)}
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, tuple | list):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [_encoded(name, item) for item in value]}
    if isinstance(value, dict):
        pairs = [[_encoded(name, key), _encoded(name, v)] for key, v in value.items()]
        return {"dict": pairs}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError(f"{name} must be a number, text or a collection to be saved; got {value!r}")


def _decoded(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "stream":
        stream = np.random.RandomState()
        stream.set_state((content[0], np.array(content[1], np.uint32), *content[2:]))
        return stream
    if kind == "number":
        return float(content)
    if kind == "dict":
        return {_decoded(key): _decoded(item) for key, item in content}
    items = [_decoded(item) for item in content]
    return tuple(items) if kind == "tuple" else items
