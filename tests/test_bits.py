"""Training and recall give the same bits for every CPU that Numba can compile for, in every mode.

What is compared is a digest for each mode, so that a failure names those that differ.
"""

import functools
import hashlib
import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import scipy.sparse as sp
from cases import DTYPES, HIDDEN, LEGAL_PAIRS, ONE_OUTPUT, make_betas, make_data, small_rate
from processes import NO_COMPILER, PACKAGE, TARGETS, is_runnable
from spying import taken

from mlp_fast import MLP
from mlp_fast.optimizers import Momentum
from mlp_fast.paths import PATHS

FORMS = {"dense": np.asarray, "CSR": sp.csr_array}
FULL = None  # batch


class Mode(NamedTuple):
    """A network and how it is trained, of the smallest shapes that take one way to do so."""

    n_in: int
    hidden: tuple[int, ...]
    n_out: int
    k: int
    batch_size: int | None
    zeros: tuple[float, ...] = (0.0, 0.8)  # parts of the inputs


ONLINE = {
    "online, in registers of 2 lanes": Mode(3, (2,), 1, 11, 1),
    "online, in registers of 4 lanes": Mode(3, (3,), 1, 11, 1),
    "online, in registers of 16 lanes": Mode(3, (13,), 1, 11, 1),
    "online, in registers of 32 lanes": Mode(3, (31,), 1, 11, 1),
    "online, in registers of 64 lanes": Mode(3, (50,), 1, 11, 1),
    "online, in registers, more than a run": Mode(2, (3,), 1, 1030, 1, (0.5,)),
    "online, in blocks": Mode(17, (3,), 3, 20, 1),
    "online, in blocks, wide and deep": Mode(70, (40, 3), 2, 20, 1),
    "online, in blocks, no hidden layer": Mode(5, (), 3, 20, 1),
    "online, in blocks of a few inputs of many": Mode(300, (5,), 3, 20, 1, (0.99,)),
    "online, one output": Mode(70, (), 1, 5, 1),
    "online, one output, few inputs": Mode(3, (), 1, 5, 1),
    "online, one by one": Mode(70, (1,), 2, 5, 1),
    "online, one by one, deep": Mode(100, (1, 3), 2, 5, 1),
}
BATCHES = {
    "batch, in registers of 2 units and 4 samples": Mode(2, (2,), 1, 3, FULL),
    "batch, in registers of 2 units and 8 samples": Mode(2, (1,), 1, 7, FULL),
    "batch, in registers of 8 units and 8 samples": Mode(2, (8,), 1, 7, FULL),
    "batches, in registers of 2 units and 4 samples": Mode(2, (2,), 1, 7, 4),
    "batch, in registers of 4 units and 4 samples": Mode(2, (3,), 1, 4, FULL),
    "batch, in registers of 4 units and 8 samples": Mode(2, (4,), 1, 7, FULL),
    "batch, in registers of 8 units and 4 samples": Mode(2, (7,), 1, 4, FULL),
    "batch, in lanes": Mode(2, (3, 2), 2, 11, 4),
    "batch, in lanes, by output": Mode(13, (2,), 1, 7, FULL),
    "mini-batches": Mode(17, (33, 3), 3, 20, 8),
    "mini-batches with zeros skipped": Mode(70, (20,), 3, 20, 8, (0.8,)),
    "mini-batches, by output": Mode(70, (), 1, 9, 4),
    "full batch": Mode(17, (33, 3), 3, 20, FULL),
    "full batch, by output": Mode(100, (1,), 2, 9, FULL),
    "full batch of more rows than are taken at once": Mode(19, (9,), 3, 300, FULL, (0.5,)),
}
BY_HAND = {
    "by hand, by input": Mode(5, (7, 3), 3, 9, FULL),
    "by hand, long rows": Mode(70, (20,), 2, 9, FULL),
    "by hand, by output": Mode(70, (), 1, 9, FULL),
    "by hand, all by output": Mode(100, (1, 3), 2, 9, FULL),
}

RULES = {
    "momentum": {"optimizer": "momentum"},
    "Nesterov's, with all else": {
        "optimizer": Momentum(0.8, nesterov=True),
        "l2": 0.02,
        "clip_norm": 0.3,
    },
    "plain, with L2": {"l2": 0.1},
    "RMSprop, clipped": {"optimizer": "rmsprop", "clip_norm": 0.3},
    "Adam, with L2": {"optimizer": "adam", "l2": 0.02},
    "AdamW": {"optimizer": "adamw"},
}
BY_RULE = {
    "by rule, online, in blocks": Mode(17, (3,), 3, 20, 1),
    "by rule, online, wide and deep": Mode(70, (40, 3), 2, 20, 1),
    "by rule, online, one output": Mode(70, (), 1, 11, 1),
    "by rule, mini-batches": Mode(17, (33, 3), 3, 20, 8),
    "by rule, full batch": Mode(17, (33, 3), 3, 20, FULL),
    "by rule, full batch, by output": Mode(100, (1,), 2, 9, FULL),
}


class Digests(defaultdict):
    """A hash for each name, of bytes that are added to it."""

    def __init__(self):
        super().__init__(lambda: hashlib.blake2b(digest_size=8))

    def add(self, name, *arrays):
        for array in arrays:
            self[name].update(np.ascontiguousarray(array).tobytes())


@functools.cache
def digest():
    """Train, step and recall in every way; hash the results, and tell which kernels trained."""
    digests, names = Digests(), {}
    for dtype in DTYPES:
        with taken() as calls:
            for form in FORMS:
                for name, mode in {**ONLINE, **BATCHES}.items():
                    train(digests, f"{form}, {dtype}: {name}", mode, dtype, FORMS[form])
                for name, mode in BY_RULE.items():
                    train_by_rules(digests, f"{form}, {dtype}: {name}", mode, dtype, FORMS[form])
            for name, mode in BY_HAND.items():
                take_steps(digests, f"{dtype}: {name}", mode, dtype)
        names[dtype] = sorted({call.path.name for call in calls})
    return {
        "digests": {name: sha.hexdigest() for name, sha in digests.items()},
        "taken": names,
    }


def networks(mode, dtype):
    """Yield a network of every legal kind, and examples for it."""
    for output, loss in ONE_OUTPUT if mode.n_out == 1 else LEGAL_PAIRS:
        for hidden in HIDDEN if mode.hidden else HIDDEN[:1]:
            for zeros in mode.zeros:
                X, T = make_data(output, mode.k, mode.n_in, mode.n_out)
                X[np.random.default_rng(1).random(X.shape) < zeros] = 0
                m = MLP(
                    layer_sizes=mode.hidden,
                    activation=hidden,
                    output_activation=output,
                    loss=loss,
                    beta=make_betas([hidden] * len(mode.hidden) + [output]),
                    shuffle=zeros != 0,
                    batch_size=mode.batch_size,
                    learning_rate=small_rate(0.02, hidden, output),
                    dtype=dtype,
                )
                yield m, X.astype(dtype), T.astype(dtype)


def train(digests, name, mode, dtype, form):
    for m, X, T in networks(mode, dtype):
        rows = form(X)
        m.train(rows, T, 3, validation=(rows, T))
        digests.add(name, *m.weights, m.loss_curve_, m.error_)
        digests.add(f"{name}; validation", m.validation_loss_curve_)
        # with weights of its own, forward answers as predict does, but not in classes
        digests.add(f"{name}; many rows", m.forward(rows, m.weights))
        if mode.batch_size != 1:
            gradients = [*m.gradient(rows, T), m.input_gradient(rows, T), m.loss(rows, T)]
            digests.add(f"{name}; gradients", *gradients)
        if mode.batch_size == FULL:
            m.train([(rows[:2], T[:2]), (rows[2:], T[2:])], epochs=3)
            digests.add(f"{name}; in chunks", *m.weights, m.loss_curve_)


def take_steps(digests, name, mode, dtype):
    for m, X, T in networks(mode, dtype):
        m.init_weights((mode.n_in, *mode.hidden, mode.n_out))
        losses = [m.step(x, t) for x, t in zip(X, T, strict=True)]
        digests.add(f"{name}; step", losses, *m.weights)
        for _ in range(3):
            m.forward(X)
            digests.add(f"{name}; forward", *m.outputs)
            m.backward(T)
        digests.add(f"{name}; backward", *m.weights)
        for i in range(mode.k):
            alone = m._net.answering()(X[i : i + 1])
            assert alone is not None  # it is left to nobody else
            digests.add(f"{name}; one row", alone)


def train_by_rules(digests, name, mode, dtype, form):
    X, T = (A.astype(dtype) for A in make_data("sigmoid", mode.k, mode.n_in, mode.n_out))
    X[np.random.default_rng(1).random(X.shape) < 0.5] = 0
    rows, share = form(X), np.random.default_rng(2).random(mode.k)
    rules = RULES if mode.batch_size else {**RULES, "RPROP": {"optimizer": "rprop"}}
    for rule, options in rules.items():
        rated = {} if rule == "RPROP" else {"learning_rate": 0.02}
        m = MLP(mode.hidden, batch_size=mode.batch_size, dtype=dtype, **rated, **options)
        m.train(rows, T, 3, sample_weight=share)
        digests.add(f"{name}; {rule}", *m.weights, m.loss_curve_, m.error_, *kept(m))
        if mode.batch_size == FULL:
            m.train([(rows[:2], T[:2], share[:2]), (rows[2:], T[2:], share[2:])], epochs=3)
            digests.add(f"{name}; {rule}; in chunks", *m.weights, m.loss_curve_, *kept(m))
        if rule != "RPROP":
            losses = [m.step(x, t) for x, t in zip(X, T, strict=True)]
            digests.add(f"{name}; {rule}; step", losses, *m.weights, *kept(m))
        m.forward(X)
        m.backward(T)
        digests.add(f"{name}; {rule}; backward", *m.weights, *kept(m))


def kept(m):
    """Return what the rule keeps from step to step, if it keeps anything."""
    rule = m._history.rule
    return rule.all_arrays if rule else []


def in_a_process(code, **environment):
    """Run code where other targets may be told; return what it prints."""
    paths = os.pathsep.join([str(Path(__file__).parent), str(PACKAGE.parent)])
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, "PYTHONPATH": paths, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def on(target, warmed):
    """Return where kernels are compiled for a target, or skip."""
    if not is_runnable(target):
        pytest.skip(f"this machine cannot run {target}: it has no {TARGETS[target]}")
    return warmed(target)


@pytest.mark.parametrize("target", TARGETS)
def test_every_mode_has_the_same_bits_on_every_target(target, warmed):
    there = on(target, warmed)
    code = NO_COMPILER + "import json, test_bits; print(json.dumps(test_bits.digest()))"
    answer = in_a_process(code, MLP_FAST_CACHE_DIR=str(there.cache), **there.environment)
    here, there = digest(), json.loads(answer)
    assert here["taken"] == there["taken"]
    here, there = here["digests"], there["digests"]
    assert here.keys() == there.keys()
    assert [name for name in here if here[name] != there[name]] == []


def test_every_path_is_taken():
    assert digest()["taken"] == {
        dtype: sorted(path.name for path in PATHS if dtype in path.example.dtypes)
        for dtype in DTYPES
    }


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("mode", ONLINE)
def test_sparse_rows_give_the_same_bits_online(mode, dtype):
    digests = digest()["digests"]
    assert digests[f"CSR, {dtype}: {mode}"] == digests[f"dense, {dtype}: {mode}"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("mode", [mode for mode in BY_RULE if BY_RULE[mode].batch_size == 1])
def test_sparse_rows_give_the_same_bits_online_by_every_rule(mode, dtype):
    digests = digest()["digests"]
    for rule in RULES:
        name = f"{dtype}: {mode}; {rule}"
        assert digests[f"CSR, {name}"] == digests[f"dense, {name}"], rule


@pytest.mark.parametrize(
    ("cpu", "features", "wide"),
    [
        ("haswell", "", False),
        ("haswell", "+avx2,-avx512f", False),
        ("skylake-avx512", "+avx2,-avx512f", False),  # as a machine may be that hides it
        ("skylake-avx512", "+avx2,+avx512f", True),
        ("znver4", "", True),
    ],
)
def test_registers_are_wide_where_the_target_has_them(cpu, features, wide):
    code = "from mlp_fast.kernels.compile.cpu import WIDE; print(WIDE)"
    assert in_a_process(code, NUMBA_CPU_NAME=cpu, NUMBA_CPU_FEATURES=features) == str(wide)


def test_code_for_haswell_has_no_512_bit_registers(warmed):
    used = on("haswell", warmed).registers
    assert "ymm" in used
    assert "zmm" not in used
