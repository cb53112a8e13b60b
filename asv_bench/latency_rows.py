"""The rows of latency.py: what is called, for which networks and rows, and what is wanted of it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from data import mnist, normal
from peers.caller import Call
from peers.peer import Array, Network
from workloads import DEEP, DIGITS, SMALL, TABLE

ONNX, FLOOR, PREDICT = "ONNX Runtime", "floor", "predict"  # what is compared with


@dataclass(frozen=True)
class Wanted:
    """A call is to take at most so many times what another takes, and so many µs more."""

    times: float = 0.0
    of: str = ""
    more: float = 0.0

    def __str__(self) -> str:
        if 0 < self.times < 1:
            return f"≥ {1 / self.times:.3g} × {self.of}'s speed"
        other = f"{self.times:g} × {self.of}" if self.times > 1 else self.of
        return "≤ " + " + ".join(filter(None, (other, f"{self.more:g} µs" if self.more else "")))


def as_fast(ratio: float) -> Wanted:
    """Return that a call is so many times as fast as ONNX Runtime's."""
    return Wanted(1 / ratio, ONNX)


@dataclass(frozen=True)
class Row:
    """A call, and what is called."""

    call: Call
    network: Network
    data: Callable[[], tuple[Array, Array]]
    wanted: Wanted | None = None

    @property
    def of(self) -> str:
        """The network, and what else is special."""
        network = self.network
        words = ["-".join(map(str, network.sizes)), network.hidden, network.output]
        if network.optimizer != "sgd":
            words.append(network.optimizer)
        if self.call.name == "partial_train" and self.call.rows > 1:
            words.append(f"batch_size {network.batch_size}")
        words += ["lists"] if self.call.lists else []
        return ", ".join([*words, "MNIST"] if self.data is mnist else words)

    @property
    def name(self) -> str:
        rows = "1 row" if self.call.rows == 1 else f"{self.call.rows:,} rows"
        return f"{self.call.name}: {rows}, {self.of}"


def inputs(network: Network) -> list[Callable[[], tuple[Array, Array]]]:
    """Return normal inputs for a network and, if it can read them, digits."""
    made = partial(normal, network.sizes[0], network.sizes[-1])
    return [made, mnist] if network.sizes[0] == 784 else [made]


def asked(name: str, rows: int, networks: tuple[Network, ...], *wanted: Wanted | None) -> list[Row]:
    """Return a row for each network and its inputs; what is wanted of all, or of each."""
    each = wanted if len(wanted) > 1 else wanted * len(networks)
    call = Call(name, rows)
    pairs = zip(networks, each, strict=True)
    return [Row(call, network, data, told) for network, told in pairs for data in inputs(network)]


def learned(
    name: str, networks: tuple[Network, ...], wanted: Wanted, rows: int = 1, lists: bool = False
) -> list[Row]:
    """Return a row for each network, with normal inputs."""
    call = Call(name, rows, lists)
    return [Row(call, network, inputs(network)[0], wanted) for network in networks]


SOFTMAX = {"output": "softmax", "loss": "cross_entropy"}
VALUES = TABLE, replace(DIGITS, output="linear"), replace(DEEP, output="linear")
VALUES = tuple(replace(network, loss="squared_error", learning_rate=0.001) for network in VALUES)
BY_RELU = tuple(replace(network, hidden="relu") for network in VALUES)
CLASSES = replace(TABLE, output="sigmoid"), DIGITS, DEEP

LEARNERS = TABLE, SMALL, DIGITS
RELU_LEARNERS = (  # of which mlpfile can be one
    replace(TABLE, hidden="relu"),
    replace(SMALL, hidden="relu", learning_rate=0.01, **SOFTMAX),
    replace(DIGITS, hidden="relu", learning_rate=0.01, **SOFTMAX),
)
RULES = {"momentum": 0.001, "rmsprop": 0.001, "adam": 0.001, "adamw": 0.001}  # and their rates

FEW = as_fast(3), as_fast(1.7), as_fast(1.3)
STEPS = Wanted(more=2.5), Wanted(1, FLOOR, 1.5), Wanted(1, FLOOR, 1.5)
LISTS, PASSES, BOTH = Wanted(more=4), Wanted(1, FLOOR, 3), Wanted(1, FLOOR, 8)


def by_rule(networks: tuple[Network, ...]) -> list[tuple[Network, ...]]:
    """Return networks as they are, then with every other rule of online learning."""
    others = (
        tuple(replace(network, optimizer=rule, learning_rate=rate) for network in networks)
        for rule, rate in RULES.items()
    )
    return [networks, *others]


def in_batches(networks: tuple[Network, ...]) -> tuple[Network, ...]:
    return tuple(replace(network, batch_size=32) for network in networks)


ROWS = [
    *asked("predict", 1, VALUES, *FEW),
    *asked("predict", 1, BY_RELU, *FEW),
    *asked("predict", 1, CLASSES, None),
    *asked("predict_proba", 1, CLASSES, Wanted(1, PREDICT, 0.5)),
    *asked("predict_classes", 1, CLASSES, Wanted(1, PREDICT, 0.5)),
    *asked("forward", 1, VALUES, Wanted(2, PREDICT)),
    *(
        row
        for rows in (2, 16, 100, 1000, 10_000)
        for name, networks in (
            ("predict", VALUES),
            ("predict_proba", CLASSES),
            ("predict_classes", CLASSES),
            ("forward", VALUES),
        )
        for row in asked(name, rows, networks, as_fast(1))
    ),
    *(
        row
        for learners in by_rule(LEARNERS)
        for network, wanted in zip(learners, STEPS, strict=True)
        for row in learned("step", (network,), wanted)
    ),
    *(
        row
        for network, wanted in zip(RELU_LEARNERS, STEPS, strict=True)
        for row in learned("step", (network,), wanted)
    ),
    *(row for of in by_rule((TABLE,)) for row in learned("step", of, LISTS, lists=True)),
    *learned("partial_train", LEARNERS, PASSES),
    *learned("partial_train", LEARNERS, PASSES, rows=32),
    *learned("partial_train", in_batches(LEARNERS), PASSES, rows=32),
    *learned("forward, backward", LEARNERS, BOTH),
    *learned("forward, backward", in_batches(LEARNERS), BOTH, rows=32),
]
