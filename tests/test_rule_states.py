"""What update rules keep: it goes on, comes back, and is undone along with the weights."""

import copy
import io
import itertools
import pickle
import warnings

import numpy as np
import pytest
from cases import DTYPES, learns_little
from cross import cross
from rule_cases import MODES, RULES, K, examples, fresh, goes, options_of, rule_bits, some_weights
from states import state

from mlp_fast import MLP, calls
from mlp_fast.archive import read_archive, write_archive
from mlp_fast.interrupts import Interrupts
from mlp_fast.optimizers import OPTIMIZERS, RPROP, SGD, Adam, AdamW, Momentum, RMSprop
from mlp_fast.schedules import Cosine

pytestmark = learns_little

ROWS = ["dense", "CSR", "chunks"]
KEPT = [name for name, rule in RULES.items() if rule.optimizer.arrays]
"""The rules that keep something."""


def data(rows, network="input-major", dtype="float64"):
    """Return what `train` takes."""
    X, T = examples(network, "CSR" if rows == "CSR" else "dense", dtype)
    return ([(X[:42], T[:42]), (X[42:], T[42:])], None) if rows == "chunks" else (X, T)


def whole(m, ended=True):
    """Return all that is kept of a training, and by the rule."""
    return state(m, ended), rule_bits(m)


def by_file(m, folder):
    m.save(folder / "m.npz")
    return MLP.load(folder / "m.npz")


WAYS = {
    "itself": lambda m, folder: m,
    "file": by_file,
    "pickle": lambda m, folder: pickle.load(io.BytesIO(pickle.dumps(m))),
    "deepcopy": lambda m, folder: copy.deepcopy(m),
    "copy": lambda m, folder: copy.copy(m),
    "checkpoint": lambda m, folder: MLP.load(folder / "checkpoint"),
}
BESIDES = {
    "nothing": {},
    "l2": {"l2": 0.05},
    "clipped": {"clip_norm": 0.05},
    "weights": {"sample_weight": some_weights()},
    "schedule": {"learning_rate": Cosine(0.005, 9)},
    "all": {"l2": 0.01, "clip_norm": 0.1, "sample_weight": some_weights()},
}


def fits(rule, mode="full", besides="nothing", rows="dense", **_):
    told = BESIDES[besides]
    if rows == "chunks" and "sample_weight" in told:
        return False
    if rule == "rprop" and besides == "schedule":
        return False
    return goes(rule, mode, told.get("l2"))


@cross(
    most=200,
    rule=RULES,
    besides=BESIDES,
    mode=MODES,
    rows=ROWS,
    network=["input-major", "output-major", "one output", "8-50-1"],
    dtype=DTYPES,
    way=WAYS,
    patience=[None, 20],
    all_meet=["rule", "mode", "rows"],
    where=fits,
)
def test_five_epochs_and_five_more_are_ten(
    rule, besides, mode, rows, network, dtype, way, patience, tmp_path
):
    given = data(rows, network, dtype)
    told = {**BESIDES[besides]}
    weights = {"sample_weight": told.pop("sample_weight")} if "sample_weight" in told else {}
    told = options_of(rule, mode, network, dtype=dtype, patience=patience, **told)
    once = MLP(**told, epochs=10).train(*given, **weights)
    half = MLP(**told).train(*given, epochs=5, **weights, checkpoint=tmp_path / "checkpoint")
    before = whole(half)
    m = WAYS[way](half, tmp_path)
    assert whole(m) == before
    m.resume(*given, epochs=5, **weights)
    assert whole(m) == whole(once)
    if m is not half:  # nothing is shared
        assert whole(half) == before


@cross(rule=KEPT, mode=MODES, rows=ROWS, where=lambda rule, mode, **_: goes(rule, mode))
def test_the_state_counts(rule, mode, rows):
    """Without it, five and five more are not ten."""
    given = data(rows)
    told = options_of(rule, mode)
    m, n = (MLP(**told).train(*given, epochs=5) for _ in range(2))
    n._history.rule = None
    assert state(m.resume(*given, epochs=2)) != state(n.resume(*given, epochs=2))


@cross(rule=KEPT, mode=MODES, where=lambda rule, mode: goes(rule, mode))
def test_train_starts_afresh(rule, mode):
    given = data("dense")
    m = MLP(**options_of(rule, mode)).train(*given, epochs=3)
    before = whole(m)
    assert whole(m.resume(*given, epochs=1).train(*given, epochs=3)) == before
    m.init_weights((7, 20, 2))
    assert rule_bits(m) is None


# Another rule, and the same with other numbers

OTHERS = {
    "momentum": Momentum(0.3, nesterov=True),
    "rmsprop": RMSprop(0.5, 1e-2),
    "adam": Adam(0.5, 0.9, 1e-2),
    "adamw": AdamW(0.5, 0.9, 1e-2, 0.1),
}


@cross(rule=OTHERS, mode=MODES, way=WAYS, where=lambda way, **_: way != "checkpoint")
def test_the_same_rule_with_other_numbers_keeps_its_state(rule, mode, way, tmp_path):
    X, T = data("dense")
    m = MLP(**options_of(rule, mode), shuffle=False).train(X, T, 3)
    n = MLP(**options_of(rule, mode, optimizer=OTHERS[rule]), shuffle=False).train(X, T, 1)
    n.weights = m.weights
    kept = n._history.rule
    kept.take(m._history.rule)
    m = WAYS[way](m, tmp_path).resume(X, T, 2, optimizer=OTHERS[rule])
    n.resume(X, T, 2)
    assert rule_bits(m) == rule_bits(n)
    assert state(m)["weights"] == state(n)["weights"]


@cross(
    rule=RULES,
    other=RULES,
    mode=MODES,
    where=lambda rule, other, mode: (
        rule != other
        and {rule, other} != {"momentum", "nesterov"}
        and goes(rule, mode)
        and goes(other, mode)
    ),
)
def test_another_rule_starts_afresh(rule, other, mode, tmp_path):
    X, T = data("dense")
    m = MLP(**options_of(rule, mode), shuffle=False).train(X, T, 3)
    told = {"optimizer": RULES[other].optimizer}
    if other != "rprop":
        told["learning_rate"] = RULES[other].rate
    elif rule != "rprop":  # whose rate has to be the default
        return
    n = fresh("input-major", **options_of(other, mode), shuffle=False)
    n.weights = m.weights
    m.resume(X, T, 2, **told)
    n.resume(X, T, 2)
    assert state(m)["weights"] == state(n)["weights"]
    if other != "sgd":
        assert rule_bits(m) == rule_bits(n)
    assert whole(by_file(m, tmp_path)) == whole(m)
    m.resume(X, T, 1, optimizer=RULES[rule].optimizer) if rule != "rprop" else None
    assert whole(by_file(m, tmp_path)) == whole(m)


# Divergence


def diverging(after, then=1e200):
    """Return a learning rate that is too large from an epoch on."""
    return lambda epoch: 0.01 if epoch < after else then


DIVERGE = {"sgd": SGD(), "momentum": Momentum(0.8), "nesterov": Momentum(0.7, nesterov=True)}
DIVERGE |= {"rmsprop": RMSprop(), "adam": Adam(), "adamw": AdamW()}


@cross(
    most=150,
    rule=DIVERGE,
    mode=["online", "mini"],  # a full batch ends an epoch with large weights that are finite
    rows=ROWS,
    network=["8-50-1", "one output"],
    dtype=DTYPES,
    after=[0, 3],
    l2=[0.0, 0.01],
    where=lambda rule, l2, **_: goes(rule, l2=l2),
)
def test_divergence_returns_to_weights_and_state(rule, mode, rows, network, dtype, after, l2):
    given = data(rows, network, dtype)
    then = 1e200 if dtype == "float64" else 1e36
    told = options_of(rule, mode, network, dtype=dtype, optimizer=DIVERGE[rule], l2=l2)
    told["learning_rate"] = 0.01
    n = fresh(network, **told)
    if after:
        n.resume(*given, epochs=after)
    m = fresh(network, **told)
    with pytest.warns(RuntimeWarning, match=f"training diverged in epoch {after} "):
        m.resume(*given, epochs=after + 4, learning_rate=diverging(after, then))
    assert (m.epochs_, m.stopped_) == (after, "diverged")
    if after:
        assert whole(m, ended=False) == whole(n, ended=False)
    m.resume(*given, epochs=2, learning_rate=0.005)
    n.resume(*given, epochs=2, learning_rate=0.005)
    assert whole(m) == whole(n)


@cross(rule=["momentum", "nesterov", "sgd"], mode=MODES, rows=["dense", "CSR"], dtype=DTYPES)
def test_where_it_diverges_does_not_depend_on_calls(rule, mode, rows, dtype, monkeypatch):
    X, T = data(rows, "8-50-1", dtype)
    told = {"optimizer": DIVERGE[rule], "learning_rate": 6.0, "l2": 1e-3, "dtype": dtype}
    told = options_of(rule, mode, "8-50-1", **told, activation="tanh")
    ended = []
    for visits in (1.0, 3e4, 1e9):
        monkeypatch.setattr(calls, "VISITS_PER_CALL", visits)
        m = fresh("8-50-1", **told)
        with pytest.warns(RuntimeWarning, match="training diverged"):
            m.resume(X, T, 2000)
        ended.append(whole(m))
    assert ended[0] == ended[1] == ended[2]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("rule", ["rmsprop", "adam"])
def test_a_state_that_overflows_is_divergence_though_weights_are_finite(rule, mode):
    """In float32, g² is infinite where g is 1e20, and the step then 0."""
    X, T = np.eye(4, dtype="float32"), np.zeros((4, 1), "float32")
    told = {"optimizer": RULES[rule].optimizer, "batch_size": MODES[mode], "dtype": "float32"}
    m = MLP((), output_activation="linear", **told, shuffle=False).init_weights((4, 1))
    m.resume(X, T, 2)
    before = rule_bits(m)
    m.weights = [[[0.0], [1e24], [0.0], [0.0], [0.0]]]
    weights = state(m)["weights"]
    with pytest.warns(RuntimeWarning, match="training diverged in epoch 2"):
        m.resume(X, T, 2)
    assert (state(m)["weights"], rule_bits(m)) == (weights, before)
    with pytest.warns(RuntimeWarning, match="training diverged in epoch 2"):
        m.partial_train(X, T)
    assert (state(m)["weights"], rule_bits(m)) == (weights, before)
    if mode == "online":
        with pytest.warns(RuntimeWarning, match="the step diverged: a weight is no longer finite"):
            m.step(X[0], T[0])
    m.forward(X)
    with pytest.warns(RuntimeWarning, match="the step diverged: a weight is no longer finite"):
        m.backward(T)
    assert (state(m)["weights"], rule_bits(m)) == (weights, before)


@cross(rule=DIVERGE, mode=MODES, dtype=DTYPES, trained=[False, True], patience=[None, 9])
def test_short_calls_that_diverge_are_undone(rule, mode, dtype, trained, patience):
    X, T = data("dense", "8-50-1", dtype)
    told = options_of(rule, mode, "8-50-1", dtype=dtype, optimizer=DIVERGE[rule], l2=0.0)
    m = fresh("8-50-1", **told, patience=patience)
    n = fresh("8-50-1", **told, patience=patience)
    if trained:
        m.resume(X, T, 3)
        n.resume(X, T, 3)
    else:
        m.partial_train(X, T)
        n.partial_train(X, T)
    before = whole(m, ended=False)
    huge = 1e36 if dtype == "float32" else 1e200
    weights = np.full(K, huge)
    with pytest.warns(RuntimeWarning, match="training diverged"):
        m.partial_train(X, np.sign(T - 0.5) * np.array(huge, dtype), weights)
    assert whole(m, ended=False) == before
    with pytest.warns(RuntimeWarning, match="the step diverged"):
        m.step(X[0], T[0] + huge, sample_weight=huge)
    assert whole(m, ended=False) == before
    m.forward(X)
    with pytest.warns(RuntimeWarning, match="the step diverged"):
        m.backward(T + np.array(huge, dtype), 3e38 if dtype == "float32" else 1.7e308)
    assert whole(m, ended=False) == before
    m.resume(X, T, 2)
    n.resume(X, T, 2)
    assert whole(m) == whole(n)


# Interrupts, callbacks


def pressing(after):
    """Return interrupts that come after so many looks at them."""
    looks = itertools.count(1)

    class Pressed(Interrupts):
        def check(self):
            super().check()
            if next(looks) == after:
                raise KeyboardInterrupt

    return Pressed


@cross(
    most=100,
    rule=RULES,
    mode=MODES,
    rows=ROWS,
    after=[1, 2, 5],
    where=lambda rule, mode, **_: goes(rule, mode),
)
def test_an_interrupt_leaves_the_last_complete_epoch(
    rule, mode, rows, after, monkeypatch, tmp_path
):
    given = data(rows)
    told = options_of(rule, mode)
    m = MLP(**told).train(*given, epochs=1)
    with monkeypatch.context() as patch:
        patch.setattr("mlp_fast.run.Interrupts", pressing(after))
        patch.setattr(calls, "VISITS_PER_CALL", 1.0)  # of a step or a block each
        patch.setattr(calls, "SECONDS_PER_CALL", 0.0)
        with pytest.raises(KeyboardInterrupt):
            m.resume(*given, epochs=50)
    assert m.stopped_ == "interrupted"
    assert m.epochs_ < 51
    n = MLP(**told).train(*given, epochs=m.epochs_)
    assert whole(m, ended=False) == whole(n, ended=False)
    assert whole(by_file(m, tmp_path)) == whole(m)
    assert whole(m.resume(*given, epochs=2)) == whole(n.resume(*given, epochs=2))


@cross(
    most=100,
    rule=RULES,
    mode=MODES,
    rows=ROWS,
    patience=[None, 9],
    end=["raises", "exits", "stops"],
    where=lambda rule, mode, **_: goes(rule, mode),
)
def test_a_callback_that_ends_it(rule, mode, rows, patience, end):
    given = data(rows)
    told = options_of(rule, mode, patience=patience)

    def callback(epoch, m, logs):
        if epoch != 2:
            return False
        if end == "stops":
            return True
        m.weights[0][:] = 7
        raise {"raises": ZeroDivisionError, "exits": SystemExit}[end]

    m = MLP(**told)
    if end == "stops":
        m.train(*given, epochs=5, callback=callback)
    else:
        with pytest.raises((ZeroDivisionError, SystemExit)):
            m.train(*given, epochs=5, callback=callback)
    n = MLP(**told).train(*given, epochs=3)
    assert whole(m, ended=False) == whole(n, ended=False)
    m.resume(*given, epochs=2, callback=None)
    assert whole(m) == whole(n.resume(*given, epochs=2))


@cross(
    most=100,
    rule=RULES,
    mode=MODES,
    rows=ROWS,
    way=["file", "pickle", "deepcopy"],
    where=lambda rule, mode, **_: goes(rule, mode),
)
def test_a_callback_that_saves_has_the_state_of_its_epoch(rule, mode, rows, way, tmp_path):
    given, kept = data(rows), []

    def callback(epoch, m, logs):
        kept.append(WAYS[way](m, tmp_path))

    told = options_of(rule, mode)
    m = MLP(**told).train(*given, epochs=4, callback=callback)
    for n in kept:
        other = MLP(**told).train(*given, epochs=n.epochs_)
        assert whole(n, ended=False) == whole(other, ended=False)
        assert n.stopped_ == "interrupted"
        if n.epochs_ < 4:
            n.resume(*given, epochs=4 - n.epochs_)
            assert whole(n) == whole(m)


@cross(rule=RULES, mode=MODES, rows=ROWS, where=lambda rule, mode, **_: goes(rule, mode))
def test_a_callback_that_writes_weights_leaves_the_state(rule, mode, rows, tmp_path):
    given, files = data(rows), []

    def callback(epoch, m, logs):
        m.weights = [W / 2 for W in m.weights]
        files.append(by_file(m, tmp_path))

    told = options_of(rule, mode)
    m = MLP(**told).train(*given, epochs=3, callback=callback)
    n = MLP(**told)
    for _ in range(3):
        n = n.resume(*given, epochs=1) if n._net else n.train(*given, epochs=1)
        n.weights = [W / 2 for W in n.weights]
        assert whole(files.pop(0), ended=False)[1] == rule_bits(n)
    assert whole(m) == whole(n)


# Files


@cross(rule=RULES, dtype=DTYPES, network=["input-major", "output-major", "unpadded", "deep"])
def test_every_rule_comes_back(rule, dtype, network, tmp_path):
    X, T = data("dense", network, dtype)
    m = MLP(**options_of(rule, "full", network, dtype=dtype)).train(X, T, 3)
    n = by_file(m, tmp_path)
    assert whole(n) == whole(m)
    assert n.settings == m.settings
    assert n.in_force == m.in_force
    assert n.in_force.optimizer == RULES[rule].optimizer
    n.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "m.npz").read_bytes()
    with np.load(tmp_path / "again", allow_pickle=False) as arrays:
        for name, theta in (m._history.rule.arrays if m._history.rule else {}).items():
            for l, view in enumerate(m._net.layout.views(theta)):
                np.testing.assert_array_equal(arrays[f"rule_{name}_{l}"], view)


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """Return the header and the arrays of files, by rule."""
    kept = {}
    for rule in RULES:
        path = tmp_path_factory.mktemp("parts") / "m"
        MLP(**options_of(rule)).train(*data("dense"), epochs=3).save(path)
        kept[rule] = read_archive(path)
    return kept


def refusal(path, header, arrays):
    write_archive(path, header, arrays)
    with pytest.raises(ValueError, match="is no network that mlp_fast saved") as caught:
        MLP.load(path)
    assert type(caught.value) is ValueError
    assert len(str(caught.value)) < 700 + len(str(path))
    return str(caught.value)


OPTIMIZER = [  # what stands in the file of Adam, and why it is refused
    ({"name": "adagrad"}, "its optimizer must be one of sgd, momentum, rmsprop, adam"),
    ({"name": None}, "its optimizer must be one of"),
    ({"name": ["adam"]}, "its optimizer must be one of"),
    ({}, "its optimizer must be one of"),
    ("adam", "its optimizer must be one of"),
    (None, "its optimizer must be one of"),
    ([], "its optimizer must be one of"),
    (3, "its optimizer must be one of"),
    ({"name": "adam", "beta_1": 1.0}, "beta_1 must be finite and at least 0 and below 1"),
    ({"name": "adam", "beta_1": -0.1}, "beta_1 must be finite and at least 0 and below 1"),
    ({"name": "adam", "beta_2": "0.9"}, "beta_2 must be a number at least 0"),
    ({"name": "adam", "beta_2": True}, "beta_2 must be a number at least 0"),
    ({"name": "adam", "epsilon": 0}, "epsilon must be finite and at least 1e-38"),
    ({"name": "adam", "epsilon": 10**90}, "epsilon must be finite"),
    ({"name": "adam", "epsilon": None}, "epsilon must be a number"),
    ({"name": "adam", "momentum": 0.9}, "momentum"),
    ({"name": "adam", "self": 1}, "self"),
    ({"name": "adam", "__class__": 1}, "__class__"),
    ({"name": "adam", "x" * 10**6: 1}, "x"),
    ({"name": "momentum", "nesterov": 1}, "nesterov must be True or False; got 1"),
    ({"name": "adamw", "weight_decay": -1}, "weight_decay must be finite and at least 0"),
    ({"name": "momentum"}, "its rule is 'adam', but its optimizer 'momentum'"),
    ({"name": "sgd"}, "its rule is 'adam', but its optimizer 'sgd'"),
    ({"name": "rprop", "step": 1}, "step"),
]


@pytest.mark.parametrize(("entry", "reason"), OPTIMIZER, ids=range(len(OPTIMIZER)))
def test_optimizers_in_files_that_are_none(entry, reason, parts, tmp_path):
    header, arrays = copy.deepcopy(parts["adam"])
    header["in_force"]["optimizer"] = entry
    assert reason in refusal(tmp_path / "m", header, arrays)
    header, arrays = copy.deepcopy(parts["adam"])
    header["settings"]["optimizer"] = entry
    if not reason.startswith("its rule"):
        assert reason in refusal(tmp_path / "m", header, arrays)


OPTIONS = [
    ("adam", {"l2": -1}, "l2 must be finite and 0 or more"),
    ("adam", {"l2": "0"}, "l2 must be a number"),
    ("adam", {"clip_norm": 0}, "clip_norm must be finite and above 0"),
    ("adam", {"clip_norm": "x"}, "clip_norm must be a number"),
    ("adamw", {"l2": 0.5}, "l2 must be 0 with optimizer=AdamW"),
    ("rprop", {"batch_size": 5}, "batch_size must be None with optimizer=RPROP()"),
    ("rprop", {"learning_rate": 0.5}, "learning_rate must be left out with optimizer=RPROP()"),
    ("rprop", {"learning_rate": "function"}, "learning_rate must be left out with"),
    ("adam", {"learning_rate": "x"}, "learning_rate must be a number"),
    ("adam", {"learning_rate": {"name": "Lost"}}, "the name of a schedule must be one of"),
    ("adam", {"learning_rate": {"name": "Step", "learning_rate": 1}}, "every is absent"),
    ("adam", {"learning_rate": [0.1]}, "learning_rate must be a number"),
]


@pytest.mark.parametrize(("rule", "options", "reason"), OPTIONS, ids=range(len(OPTIONS)))
@pytest.mark.parametrize("where", ["settings", "in_force"])
def test_options_in_files_that_are_none(rule, options, reason, where, parts, tmp_path):
    header, arrays = copy.deepcopy(parts[rule])
    header[where] |= options
    assert reason in refusal(tmp_path / "m", header, arrays)


@pytest.mark.parametrize("rule", [*KEPT, "sgd"])
@pytest.mark.parametrize("value", [None, 3, "", "x", "adagrad", [], {}, True])
def test_the_name_of_the_rule_in_a_file(rule, value, parts, tmp_path):
    header, arrays = copy.deepcopy(parts[rule])
    header["rule"] = value
    refusal(tmp_path / "m", header, arrays)
    header["rule"] = "gradient descent"  # what has no state
    if rule != "sgd":
        assert "which no network has" in refusal(tmp_path / "m", header, arrays)


@pytest.mark.parametrize("rule", KEPT)
def test_arrays_of_a_rule_that_are_missing_or_wrong(rule, parts, tmp_path):
    path, names = tmp_path / "m", RULES[rule].optimizer.arrays
    _, arrays = parts[rule]
    wrong = {"powers": ["int", "longer", "2-D", "missing", "above 1", "below 0", "NaN", "float32"]}
    wrong |= {
        f"rule_{name}_{l}": ["missing", "int", "longer", "NaN", "inf", "2-D", "float32", "shape"]
        for name in names
        for l in (0, 1)
    }
    n_powers = RULES[rule].optimizer.n_powers
    for name, ways in wrong.items():
        array = arrays[name]
        for way in ways:
            if name == "powers" and not n_powers and way in ("above 1", "below 0", "NaN"):
                continue
            header, altered = copy.deepcopy(parts[rule])
            if way == "missing":
                del altered[name]
            else:
                changed = np.array(array)
                if way in ("above 1", "below 0", "NaN", "inf"):
                    number = {"above 1": 1.5, "below 0": -0.5, "NaN": np.nan, "inf": np.inf}[way]
                    changed.flat[-1] = number
                altered[name] = {
                    "int": changed.astype("int64", casting="unsafe") if way == "int" else None,
                    "longer": np.concatenate([changed, changed[-1:]])
                    if len(changed)
                    else np.ones(1),
                    "2-D": changed[None],
                    "shape": changed[:-1],
                    "float32": changed.astype("float32"),
                }.get(way, changed)
            refusal(path, header, altered)
    for more in ("rule_other_0", f"rule_{next(iter(names))}_2", "rule__0"):
        header, altered = copy.deepcopy(parts[rule])
        altered[more] = np.ones(3)
        assert f"it holds '{more}', which no network has" in refusal(path, header, altered)


@pytest.mark.parametrize("rule", RULES)
def test_what_stands_in_a_file_may_be_any_numbers(rule, parts, tmp_path):
    """A state that no training leads to diverges at worst."""
    header, arrays = copy.deepcopy(parts[rule])
    for name in arrays:
        if name.startswith("rule_"):
            arrays[name] = -1e150 * np.ones_like(arrays[name])
    write_archive(tmp_path / "m", header, arrays)
    m = MLP.load(tmp_path / "m")
    before = whole(m, ended=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        m.resume(*data("dense"), epochs=2)
    assert m.stopped_ in ("diverged", "epochs")
    assert m.stopped_ == "epochs" or whole(m, ended=False) == before
    assert all(np.isfinite(W).all() for W in m.weights)


@pytest.mark.parametrize("mode", MODES)
def test_files_of_before_there_were_rules(mode, tmp_path):
    given = data("dense")
    m = MLP(**options_of("sgd", mode), patience=5).train(*given, epochs=3)
    m.save(tmp_path / "m")
    header, arrays = read_archive(tmp_path / "m")
    assert header["rule"] == "gradient descent"
    for options in (header["settings"], header["in_force"]):
        for name in ("optimizer", "l2", "clip_norm"):
            del options[name]
    assert not any(name.startswith(("rule", "powers")) for name in arrays)
    write_archive(tmp_path / "old", header, arrays)
    n = MLP.load(tmp_path / "old")
    assert n.in_force == m.in_force
    assert n.in_force.optimizer == SGD()
    assert whole(n) == whole(m)
    assert whole(n.resume(*given, epochs=2)) == whole(m.resume(*given, epochs=2))
    n.resume(*given, epochs=2, optimizer="adam")
    assert rule_bits(n)[0] == "adam"


def test_all_rules_are_here():
    assert {rule.optimizer.name for rule in RULES.values()} == {*OPTIMIZERS}
    assert {type(rule.optimizer) for rule in RULES.values()} == {*OPTIMIZERS.values()}
    assert RPROP().full_batch
