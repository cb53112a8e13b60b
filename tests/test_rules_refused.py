"""Rules, penalties, norms and rates that are refused: by name, with the choices."""

import re
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from cases import learns_little
from cross import cross
from rule_cases import RULES, examples, fresh, options_of, rule_bits
from states import everything

from mlp_fast import MLP
from mlp_fast.optimizers import (
    OPTIMIZERS,
    RPROP,
    SGD,
    Adam,
    AdamW,
    Momentum,
    Optimizer,
    RMSprop,
)
from mlp_fast.schedules import Step

pytestmark = learns_little

X, T = examples("input-major")
NAMED = ", ".join(map(repr, OPTIMIZERS))


def by_constructor(m, **told):
    MLP(**told)


def by_train(m, **told):
    m.train(X, T, 2, layer_sizes=(20,), **told)


def by_resume(m, **told):
    m.resume(X, T, 2, **told)


CALLS = {"MLP": by_constructor, "train": by_train, "resume": by_resume}


def refused(call, m, match, **told):
    """Have options refused; nothing may change."""
    before = everything(m, X), rule_bits(m)
    with pytest.raises(ValueError, match=match) as caught:
        CALLS[call](m, **told)
    assert type(caught.value) is ValueError
    assert (everything(m, X), rule_bits(m)) == before


def trained(rule="momentum", **told):
    return fresh("input-major", **options_of(rule, **told)).resume(X, T, 2)


class NoRule:
    """Neither a rule nor its name."""

    name = "adam"

    def __repr__(self):
        return "NoRule()"


@dataclass(frozen=True)
class Nameless(Optimizer):
    """A rule that lacks a name and a kernel."""

    rate: float = 0.5


class Idle(Optimizer):
    """A rule that lacks a kernel, and is no dataclass."""

    name = "idle"

    def __init__(self):
        self.rate = 0.5


UNKNOWN = {
    "unknown": ("adagrad", "'adagrad'"),
    "capitals": ("Adam", "'Adam'"),
    "empty": ("", "''"),
    "None": (None, "None"),
    "number": (0.9, r"0\.9"),
    "bool": (True, "True"),
    "list": (["adam"], r"\['adam'\]"),
    "dict": ({"name": "adam"}, r"\{'name': 'adam'\}"),
    "bytes": (b"adam", "b'adam'"),
    "another object": (NoRule(), r"NoRule\(\)"),
    "class": (Adam, r"the class Adam: make an object of it, Adam\(\)"),
    "its base": (Optimizer, "the class Optimizer"),
    "object of its base": (Optimizer(), r"Optimizer\(\), which has no name and no kernel$"),
    "object without a name": (
        Nameless(),
        r"Nameless\(rate=0\.5\), which has no name and no kernel$",
    ),
    "object without a kernel": (Idle(), r"Idle\(rate=0\.5\), which has no kernel$"),
    "another class": (NoRule, "the class NoRule"),
    "array": (np.ones(2), r"array\(\[1\., 1\.\]\)"),
    "function": (len, "<built-in function len>"),
}


@cross(kind=UNKNOWN, call=CALLS)
def test_what_is_no_rule_is_told_by_name(kind, call):
    value, shown = UNKNOWN[kind]
    match = rf"^optimizer must be one of {NAMED}, or an object of mlp_fast\.optimizers; got {shown}"
    refused(call, trained(), match, optimizer=value)


BELOW_1 = [1, 1.0, 1.5, -0.1, np.inf, np.nan, 10**400, 1 - 1e-12, np.float64(1)]
NO_NUMBER = ["0.9", None, True, [0.9], 1j, np.ones(2), np.True_]
NUMBERS = [
    *((Momentum, "momentum", value) for value in BELOW_1),
    *((RMSprop, "rho", value) for value in BELOW_1),
    *(
        (rule, name, value)
        for rule in (Adam, AdamW)
        for name in ("beta_1", "beta_2")
        for value in BELOW_1
    ),
    *(
        (rule, "epsilon", value)
        for rule in (RMSprop, Adam, AdamW)
        for value in (0, 0.0, -1e-8, 1e-39, 1e31, np.inf, np.nan)
    ),
    *((AdamW, "weight_decay", value) for value in (-1e-9, -1, np.inf, np.nan)),
]
NUMBERS += [
    (rule, name, value)
    for rule, name in sorted({(rule, name) for rule, name, _ in NUMBERS}, key=str)
    for value in NO_NUMBER
]


@pytest.mark.parametrize(("rule", "name", "value"), NUMBERS)
def test_numbers_of_rules(rule, name, value):
    with pytest.raises(
        ValueError, match=rf"^{name} must be (finite and|a number) .*; got "
    ) as told:
        rule(**{name: value})
    if not isinstance(value, int) or value < 10**300:
        assert repr(value) in str(told.value)


@pytest.mark.parametrize("value", [1, 0, None, "yes", [True], 0.5])
def test_nesterov_is_true_or_false(value):
    with pytest.raises(ValueError, match=r"^nesterov must be True or False; got "):
        Momentum(nesterov=value)


def test_numbers_at_the_ends_of_their_ranges_train():
    for rule in (
        Momentum(0),
        Momentum(0.0, nesterov=np.True_),
        Momentum(1 - 2**-24),
        RMSprop(0, 1e-38),
        RMSprop(1 - 2**-24, 1e30),
        Adam(0, 0, 1e-38),
        Adam(1 - 2**-24, 1 - 2**-24, 1e-38),
        AdamW(0, 0, 1, 0),
        AdamW(np.float32(0.5), np.float64(0.5), np.int64(1), 1),
    ):
        assert all(type(number) in (float, bool) for number in vars(rule).values())
        for dtype in ("float64", "float32"):
            for batch_size in (1, 7, None):
                told = {"optimizer": rule, "dtype": dtype, "batch_size": batch_size}
                m = MLP((3,), learning_rate=1e-4, **told).train(X, T, 2)
                assert (m.epochs_, m.stopped_) == (2, "epochs")


def test_rules_are_values():
    for name, rule in OPTIMIZERS.items():
        assert rule() == rule()
        assert hash(rule()) == hash(rule())
        assert eval(repr(rule())) == rule()
        assert MLP(optimizer=name).settings.optimizer == rule()
        with pytest.raises(AttributeError):
            rule().rate = 0.1
    assert Momentum(0.8) != Momentum(0.9)
    assert Adam() != AdamW()
    assert repr(MLP(optimizer="sgd")) == "MLP()"
    assert SGD() != RPROP()


# L2 and the norm

L2 = [-1e-9, -1, np.nan, np.inf, -np.inf, "0.1", None, True, [0.1], 10**400]
CLIP = [0, 0.0, -1, np.nan, np.inf, "1", True, [1.0], 10**400]


@cross(call=CALLS, l2=L2)
def test_l2_out_of_range(call, l2):
    refused(call, trained(), r"^l2 must be (finite and|a number) 0 or more; got", l2=l2)


@cross(call=CALLS, clip_norm=CLIP)
def test_clip_norm_out_of_range(call, clip_norm):
    match = r"^clip_norm must be (finite and|a number) above 0; got"
    refused(call, trained(), match, clip_norm=clip_norm)


@cross(call=CALLS, name=["l2", "clip_norm"], value=[1e-46, 1e39, 5e-324, 1e300])
def test_what_rounds_to_0_or_infinity_in_float32(call, name, value):
    match = rf"^{name} must be finite and above 0 as float32; got {re.escape(repr(value))}$"
    told = {"dtype": "float32"} if call != "resume" else {}
    refused(call, trained(dtype="float32"), match, **{name: value}, **told)
    MLP(**{name: value})  # in float64, it is a number as any other


@cross(call=CALLS, l2=[1e-9, 0.05, 1])
def test_adamw_has_a_decay_of_its_own(call, l2):
    match = rf"^l2 must be 0 with optimizer=AdamW\(.*\), which has a weight_decay.*; got {l2}"
    refused(call, trained(), match, optimizer="adamw", l2=l2)
    refused("resume", trained("adamw"), match, l2=l2)
    refused("resume", trained(l2=float(l2)), match, optimizer="adamw")
    refused("train", trained(l2=float(l2)), match, optimizer=AdamW())


# RPROP


@cross(call=CALLS, batch_size=[1, 7, 10**6])
def test_rprop_is_for_full_batches(call, batch_size):
    match = (
        rf"^batch_size must be None with optimizer=RPROP\(\), which is for full.*; got {batch_size}"
    )
    refused(call, trained(), match, optimizer="rprop", batch_size=batch_size)
    refused("resume", trained("rprop"), match, batch_size=batch_size)
    refused("train", trained("rprop"), match, batch_size=batch_size)


@cross(call=CALLS, rate=[0.5, 1e-3, Step(0.1, 5), abs, 0.01])
def test_rprop_has_no_learning_rate(call, rate):
    match = r"^learning_rate must be left out with optimizer=RPROP\(\), which has steps .*; got "
    if rate != 0.01 or call != "MLP":  # of the default, none can tell whether it was given
        refused(call, trained(), match, optimizer="rprop", learning_rate=rate)
    refused("resume", trained("rprop"), match, learning_rate=rate)
    refused("train", trained("rprop"), match, learning_rate=rate)
    if rate != 0.01:
        refused("resume", trained("sgd", learning_rate=rate), match, optimizer=RPROP())


def test_rprop_in_short_calls():
    m = trained("rprop")
    before = everything(m, X), rule_bits(m)
    with pytest.raises(ValueError, match=r"^step needs another optimizer than RPROP\(\), for full"):
        m.step(X[0], T[0])
    with pytest.raises(ValueError, match=r"^step needs another optimizer than RPROP\(\)"):
        m.step(X[0], T[0], learning_rate=0.1)
    m.forward(X)
    with pytest.raises(ValueError, match=r"^learning_rate must be left out with optimizer=RPROP"):
        m.backward(T, 0.1)
    vars(m)["_passed"] = None  # the outputs of forward are new
    assert (everything(m, X), rule_bits(m)) == before
    m.forward(X)
    m.backward(T)  # is a full batch
    assert rule_bits(m) != before[1]
    m.partial_train(X, T)


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule != "rprop"])
@pytest.mark.parametrize("rate", [0, -1, np.nan, np.inf, "x", [0.1], True, 1e-46])
def test_rates_of_short_calls(rule, rate):
    """Those of every rule are refused as before there were rules."""
    m = trained(rule, dtype="float32")
    before = everything(m, X), rule_bits(m)
    m.forward(X)
    with pytest.raises(ValueError, match=r"^learning_rate must be"):
        m.step(X[0], T[0], learning_rate=rate)
    with pytest.raises(ValueError, match=r"^learning_rate must be"):
        m.backward(T, rate)
    vars(m)["_passed"] = None  # the outputs of forward are new
    assert (everything(m, X), rule_bits(m)) == before


@cross(call=CALLS, rate=[0, -1, np.nan, "0.1", None, [0.1], True, Step, float])
def test_learning_rates_that_are_none(call, rate):
    refused(call, trained(), r"^learning_rate must be .*; got", learning_rate=rate)


def test_options_are_no_attributes():
    m = trained()
    for name, value in {"optimizer": "adam", "l2": 0.1, "clip_norm": 1.0}.items():
        with pytest.raises(AttributeError, match=f"{name} is set by MLP"):
            setattr(m, name, value)


def test_what_is_misspelt_is_suggested():
    for name, meant in {"optimiser": "optimizer", "clipnorm": "clip_norm"}.items():
        for call in (lambda **told: MLP(**told), lambda **told: MLP().train(X, T, 1, **told)):
            with pytest.raises(TypeError, match=f"unknown option '{name}': did you mean '{meant}'"):
                call(**{name: 1})


class Slow(Momentum):
    """A rule of a user's own, that has another's name."""

    name: ClassVar = "momentum"


def test_a_subclass_trains_but_is_not_mistaken_for_another(tmp_path):
    m = fresh("input-major", **options_of("sgd", optimizer=Slow(0.8))).resume(X, T, 2)
    n = fresh("input-major", **options_of("sgd", optimizer=Momentum(0.8))).resume(X, T, 2)
    assert rule_bits(m) == rule_bits(n)
    with pytest.raises(ValueError, match=r"OPTIMIZERS to be saved; got Slow\(momentum=0\.8"):
        m.save(tmp_path / "m")
