"""A fitted estimator as a file of numbers and text, in which nothing is ever executed."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.validation import check_is_fitted

from mlp_fast.archive import read_archive, write_archive
from mlp_fast.layout import Layout
from mlp_fast.rule_state import RuleState
from mlp_fast.sklearn.classifier import MULTILABEL
from mlp_fast.sklearn.encoding import decoded, encoded, encoded_labels
from mlp_fast.sklearn.live import Live
from mlp_fast.sklearn.told import rule_of


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**63


def _is_real(value: Any) -> bool:
    return type(value) in (int, float)


def _is_real_or_none(value: Any) -> bool:
    return value is None or _is_real(value)


NUMBERS: dict[str, Callable[[Any], bool]] = {
    "loss_": _is_real,
    "best_loss_": _is_real_or_none,
    "best_validation_score_": _is_real_or_none,
    "t_": _is_count,
    "n_iter_": _is_count,
    "n_features_in_": _is_count,
    "n_outputs_": _is_count,
    "n_layers_": _is_count,
    "_no_improvement_count": _is_count,
    "out_activation_": lambda value: isinstance(value, str),
}
"""Attributes, and what they are."""
OF_SGD: dict[str, Callable[[Any], bool]] = {
    "learning_rate_init": _is_real,
    "learning_rate": _is_real,
    "lr_schedule": ("constant", "invscaling", "adaptive").__contains__,
    "momentum": lambda value: _is_real(value) and 0 <= value <= 1,
    "nesterov": lambda value: isinstance(value, bool),
    "power_t": _is_real,
}
OF_ADAM: dict[str, Callable[[Any], bool]] = {
    "learning_rate_init": _is_real,
    "learning_rate": _is_real,
    "beta_1": lambda value: _is_real(value) and 0 <= value < 1,
    "beta_2": lambda value: _is_real(value) and 0 <= value < 1,
    "epsilon": lambda value: _is_real(value) and value > 0,
    "t": _is_count,
}
OPTIMIZERS = {"sgd": (SGDOptimizer, OF_SGD), "adam": (AdamOptimizer, OF_ADAM)}
CURVES = "loss_curve_", "validation_scores_", "validation_loss_curve_"
WEIGHTS = {"coefs_": "coef", "intercepts_": "intercept"}
BEST = {"_best_coefs": "best_coef", "_best_intercepts": "best_intercept"}
SHORT = *WEIGHTS.values(), *BEST.values()
OUTPUTS = "identity", "logistic", "tanh", "relu", "exp"
TARGETS = "binary", "multiclass", MULTILABEL
NO_ESTIMATOR = "path must name a file that {} has saved; {!r} is none: {}"


def save(estimator: Any, path: Any) -> None:
    """Write a fitted estimator to a file."""
    check_is_fitted(estimator)
    state = vars(estimator)
    header: dict[str, Any] = {"estimator": type(estimator).__name__}
    header["params"] = {
        name: encoded(name, value) for name, value in estimator.get_params(deep=False).items()
    }
    header["numbers"] = {name: encoded(name, state[name]) for name in NUMBERS if name in state}
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
            header[name] = encoded_labels(name, state[name])
    if "_label_binarizer" in state:
        binarizer = state["_label_binarizer"]
        header["targets"] = [binarizer.y_type_, bool(binarizer.sparse_input_)]
    if state.get("_random_state") is not estimator.random_state:  # else it is that parameter
        header["stream"] = encoded("random_state", state["_random_state"])
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
    except (
        LookupError,
        TypeError,
        AttributeError,
        ValueError,
        ArithmeticError,
        RecursionError,
    ) as error:
        reason = f"{type(error).__name__}: {error}"
        raise ValueError(NO_ESTIMATOR.format(cls.__name__, str(path), reason)) from error


def _restored(cls: Any, header: dict[str, Any], arrays: dict[str, Any]) -> Any:
    estimator = cls(**{name: decoded(value) for name, value in header["params"].items()})
    estimator._validate_params()
    estimator._check_layers()
    state = _numbers(header["numbers"], NUMBERS)
    names = {f"{short}_{l}" for short in SHORT for l in range(len(arrays))} | {*CURVES, "powers"}
    of_rule = {name for name in arrays if name.startswith("rule_")}
    if not {*arrays} <= names | of_rule or bool(of_rule) != ("powers" in arrays):
        raise ValueError("it holds arrays of no estimator")
    for name, short in (WEIGHTS | BEST).items():
        state[name] = _weights(name, short, state, arrays)
    for name in CURVES:
        if name in arrays:
            state[name] = _array(name, arrays, 1).tolist()
        elif name == "validation_scores_" and "loss_curve_" in arrays:
            state[name] = None
    for name in ("classes_", "feature_names_in_"):
        if name in header:
            state[name] = _labels_of(name, header[name])
    if "targets" in header:
        targets, is_sparse = header["targets"]
        state["_label_binarizer"] = _binarizer(targets, is_sparse, state["classes_"])
    if "stream" in header:
        state["_random_state"] = decoded(header["stream"])
        if not isinstance(state["_random_state"], np.random.RandomState):
            raise ValueError("it holds no random stream where one must be")
    elif isinstance(estimator.random_state, np.random.RandomState):
        state["_random_state"] = estimator.random_state
    vars(estimator).update(state)
    _check_fit(estimator)
    live = estimator._take_up()
    if "optimizer" in header:
        estimator._optimizer = _optimizer_of(header["optimizer"], arrays, live)
    return estimator


def _numbers(given: Any, kinds: dict[str, Callable[[Any], bool]]) -> dict[str, Any]:
    """Return attributes, each of which must be of its kind."""
    found = {name: decoded(value) for name, value in given.items()}
    for name, value in found.items():
        if name not in kinds or not kinds[name](value):
            raise ValueError(f"there is no attribute {name!r} that may be {value!r}")
    return found


def _array(name: str, arrays: dict[str, Any], ndim: int) -> Any:
    """Return an array, which must have so many axes and hold floating-point numbers."""
    array = arrays[name]
    if array.ndim != ndim or array.dtype not in (np.float32, np.float64):
        raise ValueError(f"{name} must have {ndim} axes and hold floating-point numbers")
    return array


def _labels_of(name: str, given: Any) -> NDArray[Any]:
    """Return an array of labels or of names of features."""
    dtype, values = given
    array = np.array(values, np.dtype(dtype))
    told = encoded_labels(name, array)
    if array.ndim != 1 or told != given or len({*values}) != len(values):
        raise ValueError(f"{name} must be different labels of the dtype {dtype!r}")
    return array


def _check_fit(estimator: Any) -> None:
    """Check that attributes fit one another."""
    state, widths = vars(estimator), [W.shape for W in estimator.coefs_]
    if (widths[0][0], widths[-1][1]) != (state["n_features_in_"], state["n_outputs_"]):
        raise ValueError("its weights are not those of so many features and outputs")
    if len(estimator._activations()) != len(widths):
        raise ValueError("its activations are not those of so many layers")
    names = state.get("feature_names_in_")
    if names is not None and (names.dtype != object or len(names) != state["n_features_in_"]):
        raise ValueError("it has not a name for each feature")
    wanted: tuple[str, ...] = OUTPUTS
    if is_classifier(estimator):
        n, targets = len(state["classes_"]), state["_label_binarizer"].y_type_
        outputs = {"binary": 1, "multiclass": n, MULTILABEL: n}[targets]
        if outputs != state["n_outputs_"] or (targets == "binary" and n > 2):
            raise ValueError(f"its outputs are not those of {n} classes of {targets} targets")
        wanted = ("softmax", "logistic") if targets == "multiclass" else ("logistic",)
    if state["out_activation_"] not in wanted:
        raise ValueError(f"its output cannot be {state['out_activation_']!r}")
    needed = ("loss_", "t_", "n_iter_", "n_outputs_", "n_layers_")
    of_curve = ("best_loss_", "best_validation_score_", "_no_improvement_count")
    for name in (*needed, *(of_curve if "loss_curve_" in state else ())):
        if name not in state:
            raise ValueError(f"it does not have {name}")


def _weights(name: str, short: str, state: dict[str, Any], arrays: dict[str, Any]) -> list[Any]:
    """Return a matrix or vector for each layer, of the size that it has in `coefs_`."""
    layers = range(state["n_layers_"] - 1)
    found = [_array(f"{short}_{l}", arrays, 2 if "coef" in short else 1) for l in layers]
    if not all(np.isfinite(array).all() for array in found):
        raise ValueError(f"{name} holds a number that is not finite")
    sizes = [arrays[f"coef_{l}"].shape for l in layers]
    widths = [*(size[0] for size in sizes), sizes[-1][1]]
    matrices = list(itertools.pairwise(widths))
    wanted = matrices if "coef" in short else [size[1:] for size in matrices]
    if [array.shape for array in found] != wanted:
        raise ValueError(f"{name} are not those of layers that follow one another")
    return found


def _binarizer(targets: str, is_sparse: bool, classes: Any) -> LabelBinarizer:
    """Return scikit-learn's object that encodes labels."""
    if targets not in TARGETS or not isinstance(is_sparse, bool):
        raise ValueError(f"there are no targets {targets!r}")
    binarizer = LabelBinarizer()
    binarizer.classes_, binarizer.y_type_, binarizer.sparse_input_ = classes, targets, is_sparse
    return binarizer


def _optimizer(optimizer: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    numbers = {
        name: encoded(name, value)
        for name, value in vars(optimizer).items()
        if name not in ("network", "state", "velocities", "ms", "vs")
    }
    header: dict[str, Any] = {
        "name": "adam" if hasattr(optimizer, "beta_1") else "sgd",
        "numbers": numbers,
    }
    state, network = vars(optimizer).get("state"), vars(optimizer).get("network")
    arrays: dict[str, Any] = {}
    if network is not None:
        sizes, dtype = network
        header["network"] = [list(sizes), dtype]
    if state is not None:
        arrays = {"powers": state.powers}
        layout = Layout.of(sizes, *_any_activations(sizes), dtype)
        for name, array in state.arrays.items():
            views = enumerate(layout.views(array))
            arrays |= {f"rule_{name}_{l}": np.ascontiguousarray(view) for l, view in views}
    return header, arrays


def _optimizer_of(header: dict[str, Any], arrays: dict[str, Any], live: Live) -> Any:
    made, kinds = OPTIMIZERS[header["name"]]
    optimizer = made([])
    numbers = _numbers(header["numbers"], kinds)
    if set(numbers) != set(kinds):
        raise ValueError(f"an optimizer has {', '.join(kinds)}")
    vars(optimizer).update(numbers)
    optimizer.network, optimizer.state = None, None
    if "network" in header:
        sizes, dtype = header["network"]
        optimizer.network = tuple(sizes), dtype
    if "powers" in arrays and optimizer.network == (live.net.layout.sizes, live.net.dtype):
        optimizer.state = _state_of(optimizer, arrays, live)
    return optimizer


def _state_of(optimizer: Any, arrays: dict[str, Any], live: Live) -> RuleState:
    """Return what the optimizer's rule keeps."""
    layout = live.net.layout
    state = RuleState.fresh(rule_of(optimizer), layout)
    powers = _array("powers", arrays, 1)
    if powers.shape != state.powers.shape:
        raise ValueError("the optimizer's powers are not those of its rule")
    state.powers[:] = powers
    for name, buffer in state.arrays.items():
        for l, view in enumerate(layout.views(buffer)):
            array = _array(f"rule_{name}_{l}", arrays, 2)
            if array.shape != view.shape:
                raise ValueError("the optimizer's state is not that of its weights")
            view[:] = array
    if not (state.is_finite() and np.isfinite(powers).all()):
        raise ValueError("the optimizer's state holds a number that is not finite")
    return state


def _any_activations(sizes: Any) -> tuple[Any, Any]:
    """Return activations and betas of a layout: where weights lie does not depend on them."""
    from mlp_fast.activations import ACTIVATIONS

    n = len(sizes) - 1
    return (ACTIVATIONS["linear"],) * n, (1.0,) * n
