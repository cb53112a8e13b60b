"""Parameters, labels and random streams as JSON can keep them, and back."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

TEXT = "U", "O"
N_KEY = 624  # integers of MT19937


def encoded_labels(name: str, values: Any) -> list[Any]:
    """Return an array of labels as JSON can keep it."""
    array: NDArray[Any] = np.asarray(values)
    listed: list[Any] = array.tolist()
    is_text = array.dtype.kind in TEXT and all(isinstance(value, str) for value in listed)
    if array.dtype.kind not in "biuf" and not is_text:
        raise ValueError(f"{name} must be numbers or text to be saved; got {array.dtype}")
    return [array.dtype.str, listed]


def encoded(name: str, value: Any) -> Any:
    """Return a value as JSON can keep it."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.random.RandomState):
        state = value.get_state(legacy=False)
        if state["bit_generator"] != "MT19937":
            raise ValueError(
                f"{name} must draw from MT19937, as a RandomState of a seed does, to be saved; got "
                f"{state['bit_generator']}"
            )
        of_bits = state["state"]
        gauss = state["has_gauss"], state["gauss"]
        return {"stream": [of_bits["key"].tolist(), of_bits["pos"], *gauss]}
    if isinstance(value, float) and not math.isfinite(value):
        return {"number": str(value)}
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, tuple | list):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [encoded(name, item) for item in value]}
    if isinstance(value, dict):
        pairs = [[encoded(name, key), encoded(name, v)] for key, v in value.items()]
        return {"dict": pairs}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError(f"{name} must be a number, text or a collection to be saved; got {value!r}")


def decoded(value: Any) -> Any:
    """Return the value that `encoded` was given."""
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    wanted: Any = str if kind == "number" else list
    if not isinstance(content, wanted):
        raise TypeError(f"a {kind} cannot be {type(content).__name__}")
    if kind == "stream":
        key, pos, has_gauss, gauss = content
        if len(key) != N_KEY or not 0 <= pos <= N_KEY:  # NumPy would read beyond the key
            raise ValueError(f"a random stream has {N_KEY} integers and a position among them")
        stream = np.random.RandomState()
        stream.set_state(("MT19937", np.array(key, np.uint32), pos, has_gauss, gauss))
        return stream
    if kind == "number":
        return float(content)
    if kind == "dict":
        return {decoded(key): decoded(item) for key, item in content}
    if kind not in ("tuple", "list"):
        raise ValueError(f"there are no values of the kind {kind!r}")
    items = [decoded(item) for item in content]
    return tuple(items) if kind == "tuple" else items
