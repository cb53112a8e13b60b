"""A network as a file: what `MLP.save` writes, and how `MLP.load` checks it."""

import dataclasses
import math
import os
from array import array
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlp_fast.archive import read_archive, write_archive
from mlp_fast.boundary.arrays import read_only
from mlp_fast.boundary.weights import as_weights
from mlp_fast.checks import LARGEST_COUNT
from mlp_fast.history import Best, History
from mlp_fast.kernels.linalg.finite import all_finite
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.net import Net
from mlp_fast.options import DTYPES, LARGEST_SEED, all_sizes
from mlp_fast.rule_state import RuleState
from mlp_fast.settings import Settings
from mlp_fast.update_rule import SGD, Optimizer

Arrays = dict[str, NDArray[Any]]
Header = dict[str, Any]

STATELESS = "gradient descent"  # what the header calls the rule if it keeps nothing
SCHEDULED = "function"  # and a learning rate that is a function of one's own
LARGEST_PASSES = 2**63 - 2 * LARGEST_COUNT  # with all that options allow, they fit an int64
STOPPED = "", "epochs", "patience", "callback", "interrupted", "diverged"
LONGEST = 500  # characters of a reason


class Saved(NamedTuple):
    """What a file holds."""

    settings: Settings
    in_force: Settings
    net: Net
    history: History


def write(path: "str | os.PathLike[str]", saved: Saved) -> None:
    """Write a network to a file, in one piece or not at all.

    Raises
    ------
    ValueError
        If a weight is not finite, for `read` would refuse it.
    OSError
        If the file cannot be written.
    """
    settings, in_force, net, history = saved
    best, last = history.best, history.last
    for theta in (net.theta, last, best and best.theta):
        if theta is not None:
            check_finite(theta, "saved")
    header, arrays = _state_of(history)
    header |= {
        "settings": _options(settings),
        "in_force": _options(in_force),
        "sizes": list(net.layout.sizes),
        "online_layout": net.layout.input_major,
        "vector": net.vector,
        "rule": STATELESS if history.rule is None else history.rule.name,
    }
    arrays |= {f"weights_{l}": W for l, W in enumerate(net.layout.views(net.theta))}
    if best is not None and not np.array_equal(best.theta, net.theta):
        arrays |= {f"best_{l}": W for l, W in enumerate(net.layout.views(best.theta))}
    if history.rule is not None:
        for name, state in history.rule.arrays.items():
            arrays |= {f"rule_{name}_{l}": W for l, W in enumerate(net.layout.views(state))}
        arrays |= {"powers": history.rule.powers}
    if last is not None:
        arrays |= {f"last_{l}": W for l, W in enumerate(net.layout.views(last))}
    for name, options in (("orders", settings), ("orders_in_force", in_force)):
        if options.orders is not None:
            arrays[name] = options.orders
    write_archive(path, header, arrays)


def check_finite(theta: Floats, to_be: str) -> None:
    """Check weights that are to be written."""
    if not all_finite(read_only(theta)):
        raise ValueError(
            f"weights must be finite to be {to_be}; one was set to a number that is not"
        )


def read(path: "str | os.PathLike[str]") -> Saved:
    """Read a network from a file.

    Raises
    ------
    ValueError
        If the file holds no network that was saved; nothing in it is executed.
    OSError
        If it cannot be read.
    """
    header, arrays = read_archive(path)
    try:
        return _network(header, arrays)
    except (ValueError, TypeError, OverflowError) as error:
        reason = str(error)
        if len(reason) > LONGEST:  # it may show what a hostile header holds, which may be megabytes
            reason = f"{reason[: LONGEST - 1]}…"
        raise ValueError(f"{os.fspath(path)} is no network that mlp_fast saved: {reason}") from None


def _options(settings: Settings) -> Header:
    """Return all options but orders, which are an array, as JSON knows them."""
    from mlp_fast import schedules  # slow to import, as are the rules
    from mlp_fast.optimizers import OPTIMIZERS

    fields = dataclasses.fields(settings)
    options = {field.name: getattr(settings, field.name) for field in fields if field.repr}
    optimizer, rate = settings.optimizer, settings.learning_rate
    if OPTIMIZERS.get(optimizer.name) is not type(optimizer):
        raise ValueError(
            f"optimizer must be one of mlp_fast.optimizers.OPTIMIZERS to be saved; got "
            f"{optimizer!r}: add its class under its name, here and where the file is loaded"
        )
    options["optimizer"] = {"name": optimizer.name, **vars(optimizer)}
    if callable(rate):
        options["learning_rate"] = schedules.as_dict(rate) or SCHEDULED
    return {
        name: [*value] if isinstance(value, tuple) else value for name, value in options.items()
    }


def _state_of(history: History) -> tuple[Header, Arrays]:
    """Return what is known of a training, but for weights."""
    best = history.best
    header: Header = {
        "seed": history.seed,
        "started": history.started,
        "epochs": history.epochs,
        "passes": history.passes,
        "error": _or_none(history.error),
        "stopped": history.stopped,
        "waits_from": history.waits_from,
        "validated": history.validated,
        "best": best and [best.epoch, _or_none(best.loss), best.of_validation],
    }
    return header, {"loss": history.loss_curve, "validation_loss": history.validation_loss_curve}


def _network(header: Header, arrays: Arrays) -> Saved:
    """Check everything, and make the network."""
    settings = _settings(header, "settings", arrays.pop("orders", None))
    in_force = _settings(header, "in_force", arrays.pop("orders_in_force", None))
    rule = _take(header, "rule", str)
    sizes = all_sizes(_take(header, "sizes", list))
    if sizes[1:-1] != in_force.layer_sizes:
        raise ValueError(f"its sizes are {sizes}, but its layer_sizes {in_force.layer_sizes}")
    _check_room(sizes, arrays)
    online, vector = _take(header, "online_layout", bool), _take(header, "vector", bool)
    if vector and sizes[-1] != 1:
        raise ValueError(f"its targets were 1-D, but it has {sizes[-1]} outputs")
    # the layout follows from the batch size that the network was made for, which may have changed,
    # as may the rule: one for full batches would refuse it
    made_for = in_force.told({"batch_size": 1 if online else None, "optimizer": SGD()})
    history = _history(header, arrays)
    weights = _layers(arrays, "weights", len(sizes) - 1, in_force.dtype)
    net = Net.fresh(made_for, sizes, history.seed, vector, weights=weights)
    history.rule = _rule(rule, arrays, net, in_force.optimizer)
    best = _take(header, "best", list, type(None))
    if best is not None:
        theta = _theta(arrays, "best", net)
        history.best = _best(best, history, net.twin().theta if theta is None else theta)
        history.last = _theta(arrays, "last", net)
    if header or arrays:
        raise ValueError(
            f"it holds {', '.join(map(repr, [*header, *arrays]))}, which no network has"
        )
    return Saved(settings, in_force, net, history)


def _take(header: Header, name: str, *types: type) -> Any:
    """Take an entry out of the header, which must be there and of one of these types."""
    if name not in header:
        raise ValueError(f"its header has no {name}")
    value = header.pop(name)
    if type(value) not in types:
        raise ValueError(
            f"{name} in its header must be {types[0].__name__}; got {type(value).__name__}"
        )
    return value


def _number(header: Header, name: str, most: int = LARGEST_COUNT) -> int:
    number: int = _take(header, name, int)
    if not 0 <= number <= most:
        raise ValueError(f"{name} in its header must be from 0 to {most}; got {number}")
    return number


def _settings(header: Header, name: str, orders: Any) -> Settings:
    """Return options; each is checked as if it was given to `MLP`."""
    options = _take(header, name, dict)
    known = {field.name for field in dataclasses.fields(Settings) if field.repr}
    for option in options:
        if option not in known:
            raise ValueError(f"its {name} have an unknown option {option!r}")
    # before NumPy sees it, to which much else is a dtype
    if options.get("dtype", DTYPES[0]) not in DTYPES:
        raise ValueError(f"dtype in its {name} must be one of {', '.join(DTYPES)}")
    if "optimizer" in options:  # in files of earlier versions there is none
        options["optimizer"] = _optimizer(options["optimizer"])
    rate = options.get("learning_rate")
    if isinstance(rate, dict | str):
        from mlp_fast import schedules
    if isinstance(rate, dict):
        options["learning_rate"] = schedules.from_dict(rate)
    elif rate == SCHEDULED:
        options["learning_rate"] = schedules.Lost()
    return Settings(**options, orders=orders)


def _optimizer(entry: Any) -> Optimizer:
    """Return an update rule; its numbers are checked as if it was made by its class."""
    from mlp_fast.optimizers import OPTIMIZERS

    numbers = dict(entry) if isinstance(entry, dict) else {}
    name = numbers.pop("name", None)
    rule = OPTIMIZERS.get(name) if isinstance(name, str) else None
    if rule is None:
        raise ValueError(f"its optimizer must be one of {', '.join(OPTIMIZERS)}; got {entry!r}")
    return rule(**numbers)


def _rule(name: str, arrays: Arrays, net: Net, optimizer: Optimizer) -> RuleState | None:
    """Take what the update rule keeps out of the arrays."""
    if name == STATELESS:
        return None
    if name != optimizer.name:
        raise ValueError(f"its rule is {name!r}, but its optimizer {optimizer.name!r}")
    state = RuleState.fresh(optimizer, net.layout)
    for kept in state.arrays:
        theta = _theta(arrays, f"rule_{kept}", net)
        if theta is None:
            raise ValueError(f"the rule {name!r} must have arrays rule_{kept}_0 and so on")
        state.arrays[kept] = theta
    powers = arrays.pop("powers", None)
    if powers is None or powers.dtype != np.float64 or powers.shape != state.powers.shape:
        raise ValueError(f"powers must be a vector of {state.powers.size} float64")
    if not np.all((powers >= 0) & (powers <= 1)):
        raise ValueError(f"powers must be from 0 to 1; got {powers}")
    return RuleState(name, state.arrays, np.array(powers))


def _check_room(sizes: Sequence[int], arrays: Arrays) -> None:
    """Check the weights' shapes before anything is made of these sizes."""
    for l, shape in enumerate((n_in + 1, n_out) for n_in, n_out in pairwise(sizes)):
        W = arrays.get(f"weights_{l}")
        if W is None or W.shape != shape:
            raise ValueError(f"weights_{l} must be an array of shape {shape}")


def _layers(arrays: Arrays, name: str, n: int, dtype: str) -> list[Floats]:
    """Take the weights of every layer out of the arrays."""
    layers = []
    for l in range(n):
        W = arrays.pop(f"{name}_{l}", None)
        if W is None or W.dtype != dtype:
            raise ValueError(f"{name}_{l} must be an array of {dtype}")
        layers.append(W)
    return layers


def _theta(arrays: Arrays, name: str, net: Net) -> Floats | None:
    """Take other weights of a network out of the arrays, if there are any."""
    if f"{name}_0" not in arrays:
        return None
    layers = _layers(arrays, name, len(net.layout.shapes), net.dtype)
    return as_weights(layers, net.layout, net.dtype)


def _history(header: Header, arrays: Arrays) -> History:
    """Return what is known of the training, but for weights."""
    epochs = _number(header, "epochs", 2**62)
    curves = []
    for name, lengths in (("loss", {epochs}), ("validation_loss", {0, epochs})):
        curve = arrays.pop(name, None)
        if curve is None or curve.dtype != np.float64 or curve.shape not in {(n,) for n in lengths}:
            raise ValueError(f"{name} must be a vector of float64, a number for each epoch")
        unknown = np.isnan(curve)
        if unknown.any() and (name == "loss" or unknown.all()):
            raise ValueError(f"{name} must hold the losses of epochs, and they are NaN")
        curves.append(array("d", curve.tobytes()))
    error, stopped = _take(header, "error", float, type(None)), _take(header, "stopped", str)
    if stopped not in STOPPED:
        raise ValueError(f"stopped in its header must be one of {STOPPED}; got {stopped!r}")
    started = _take(header, "started", bool)
    if started != (stopped != "") or (epochs > 0 and not started):
        raise ValueError(
            f"its header must say why its training stopped if it has started, and only then; got "
            f"started={started}, stopped={stopped!r}, epochs={epochs}"
        )
    return History(
        seed=_number(header, "seed", LARGEST_SEED),
        started=started,
        epochs=epochs,
        passes=_number(header, "passes", LARGEST_PASSES),
        loss=curves[0],
        validation_loss=curves[1],
        error=math.nan if error is None else error,
        stopped=stopped,
        waits_from=_number(header, "waits_from", epochs),
        validated=_take(header, "validated", bool),
    )


def _best(entry: list[Any], history: History, theta: Floats) -> Best:
    """Return the best weights, and the epoch after which they were."""
    types = [type(value) for value in entry]
    if types not in ([int, float, bool], [int, type(None), bool]):
        raise ValueError("best in its header must be an epoch, a loss, and whose loss it is")
    epoch, loss, of_validation = entry
    if not 0 <= epoch < history.epochs or (of_validation and not history.validation_loss):
        raise ValueError(f"best in its header is epoch {epoch}; it was trained {history.epochs}")
    return Best(epoch, math.inf if loss is None else loss, theta, of_validation)


def _or_none(number: float) -> float | None:
    """Return a number for JSON, which knows neither NaN nor infinity."""
    return number if math.isfinite(number) else None
