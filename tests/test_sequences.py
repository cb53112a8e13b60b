"""Any sequence of calls leaves networks as a plain model of them: answers, errors, copies."""

import contextlib
import copy
import dataclasses
import io
import pickle
import tempfile
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from cases import DTYPES
from fuzz import (
    FORMS,
    STEPS,
    Case,
    UnsureError,
    called,
    counted,
    make_targets,
    networks,
    recall_and_compare,
    same_bits,
    table,
    train_and_compare,
)
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from roundings import ROUNDINGS, Spread, distance

from mlp_fast import MLP, NotFittedError

try:
    import joblib
except ImportError:  # which scikit-learn brings
    joblib = None

seeds = st.integers(0, 2**32 - 1)
which = st.integers(0, 99)
widths = st.sampled_from([1, 2, 3, 8, 9, 17])
rates = st.sampled_from([0.01, 0.1, 0.5])
NAMES = ("error_", "loss_curve_", "epochs_", "best_epoch_", "stopped_", "saved_weights", "outputs")
RESUMED = {
    "resumed, best before last",
    *(f"resumed, stopped by {why}" for why in ("epochs", "patience")),
}
NOT_IN_FILES = ("saved_weights", "outputs")


def by_joblib(m):
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "m")
        joblib.dump(m, path)
        return joblib.load(path, mmap_mode="r")  # whose arrays are read-only


def by_pickle(m):
    file = io.BytesIO()
    pickle.dump(m, file)
    file.seek(0)
    return pickle.load(file)


def by_file(m):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m"
        m.save(path)
        return MLP.load(path)


COPIES = {"pickle": by_pickle, "deepcopy": copy.deepcopy, "copy": copy.copy, "file": by_file}
if joblib is not None:
    COPIES["joblib"] = by_joblib


def attributes(m):
    """Return copies of what a training or a forward process left behind."""
    return {name: copy.deepcopy(getattr(m, name)) for name in NAMES if hasattr(m, name)}


def assert_same_attributes(m, expected):
    actual = attributes(m)
    assert actual.keys() == expected.keys()
    for name in actual:
        np.testing.assert_equal(actual[name], expected[name])


class Model:
    """A network and what is known of it: how it must be, to the bit, when a call begins."""

    def __init__(self, m, case):
        self.m, self.case = m, case
        self.vector = False  # whether the targets were 1-D
        self.live = None  # weights as they were asked for at some time
        self.learn()
        self.forwarded = None

    def learn(self):
        """Take over the state of the network, which was just checked."""
        self.weights = self.m.weights.copy()
        self.attributes = attributes(self.m)

    def check(self):
        """Check that nothing has changed."""
        assert same_bits(self.m.weights, self.weights)
        assert_same_attributes(self.m, self.attributes)

    @property
    def forwarded(self):
        """The inputs that backward may follow, as long as the weights are what they were."""
        X, weights = self._forwarded
        unchanged = all(map(np.array_equal, weights, self.weights))
        return X if unchanged else None

    @forwarded.setter
    def forwarded(self, X):
        self._forwarded = X, [W.copy() for W in self.weights]

    def spread(self):
        return Spread(self.weights, *self.case.told)

    def rows(self, k, seed, form="plain"):
        zeros = seed % 3 / 4
        return dataclasses.replace(self.case, form=form, zeros=zeros).rows(k, seed)

    def targets(self, k, seed):
        return self.case.targets(k, seed)

    def compare(self, spread, take):
        """Compare the weights with those of the reference after a step."""
        for l, W in enumerate(self.m.weights):
            expected, allowed = spread.allowed(lambda run, l=l: take(run)[l])
            assert distance(W, expected, allowed) <= 1, (l, W, expected, allowed)


class Sequences(RuleBasedStateMachine):
    """Networks, copied from each other or not, that are used by turns."""

    counts = None  # of kernels, shared by all examples

    def __init__(self):
        super().__init__()
        self.models = []
        self.counts["examples"] += 1

    @initialize(data=st.data(), dtype=st.sampled_from(DTYPES), seed=seeds)
    def make(self, data, dtype, seed):
        hidden = data.draw(st.lists(widths, max_size=3))
        sizes = (data.draw(st.sampled_from([1, 2, 5, 70])), *hidden, data.draw(st.integers(1, 3)))
        network = data.draw(networks(sizes))
        case = Case(sizes, dtype=dtype, seed=seed, **network)
        m = MLP(**case.options)
        calls = [
            lambda: m.weights,
            lambda: m.predict([[0.0]]),
            lambda: m.predict_classes([[0.0]]),
            lambda: m.confmat([[0.0]], [[0.0]]),
            lambda: m.forward([[0.0]]),
            lambda: m.backward([[0.0]]),
            lambda: m.step([0.0], 0.0),
            lambda: m.resume([[0.0]], [0.0]),
            lambda: m.save("m"),
        ]
        for call in calls:
            with pytest.raises(NotFittedError):
                call()
        m.init_weights(sizes, seed)
        self.models.append(Model(m, case))

    def model(self, i):
        return self.models[i % len(self.models)]

    @invariant()
    def nothing_else_has_changed(self):
        for model in self.models:
            model.check()

    # --- what changes weights ---

    @rule(i=which, seed=seeds)
    def init_weights(self, i, seed):
        model = self.model(i)
        sizes = model.case.sizes
        assert model.m.init_weights(sizes, seed) is model.m
        draws = np.random.RandomState(seed)
        for W, n_in, n_out in zip(model.m.weights, sizes, sizes[1:], strict=False):
            V = (2 * draws.random_sample((n_in + 1, n_out)) - 1) / np.sqrt(n_in)
            np.testing.assert_allclose(W, V, rtol=1e-6, atol=2 * np.finfo(W.dtype).eps)
        assert attributes(model.m) == {}
        model.vector, model.forwarded, model.live = False, None, None
        model.learn()

    @rule(
        i=which,
        seed=seeds,
        batch_size=st.sampled_from([1, 1, 2, 4, 9, None]),
        k=st.integers(1, 18),
        rate=st.sampled_from([0.01, 0.1, 0.5, 0.5, 1e3, 1e12]),
        form=st.sampled_from(list(FORMS)),
        orders=st.booleans(),
    )
    def train(self, i, seed, batch_size, k, rate, form, orders):
        model = self.model(i)
        case = dataclasses.replace(
            model.case,
            seed=seed,
            batch_size=batch_size,
            k=k,
            learning_rate=rate,
            form=form,
            orders=orders,
            epochs=3,
        )
        weights = MLP(**case.options).init_weights(case.sizes, seed).weights.copy()
        try:
            train_and_compare(model.m, weights, case, self.counts, random_state=seed)
        except UnsureError as reason:
            self.counts[f"unsure: {reason}"] += 1
        assert "outputs" not in vars(model.m)
        model.vector, model.forwarded, model.live = case.vector, None, None
        model.learn()
        if max(np.abs(W).max() for W in model.weights) > 1e6:
            self.init_weights(i, seed)  # to go on with outputs that are finite

    @rule(
        i=which,
        seed=seeds,
        batch_size=st.sampled_from([1, 2, 4, None]),
        k=st.integers(1, 12),
        rate=rates,
        form=st.sampled_from(list(FORMS)),
        patience=st.sampled_from([None, 1, 2, 50]),
        validated=st.booleans(),
        parts=st.sampled_from([0, 1, 3]),
        fails=st.booleans(),
    )
    def resume(self, i, seed, batch_size, k, rate, form, patience, validated, parts, fails):
        """Three epochs are one, one and one; a callback that fails leaves those before."""
        model = self.model(i)
        (given, _), T, twin = model.rows(k, seed, form), model.targets(k, seed), by_pickle(model.m)
        told = {"batch_size": batch_size, "learning_rate": rate, "patience": patience}
        told |= {"orders": None, "validation": None}
        if validated:
            told["validation"] = model.rows(5, seed + 1)[0], model.targets(5, seed + 1)
        data = given, T
        if parts:  # without T, in chunks
            rows = given if hasattr(given, "shape") else np.array(given)
            data = [(rows[p::parts], T[p::parts]) for p in range(min(parts, k))], None
        begun = getattr(model.m, "epochs_", 0)

        def fail(epoch, m, logs):
            assert m is model.m
            if fails and epoch == begun + 1:
                raise ZeroDivisionError

        def resumed():
            with contextlib.suppress(ZeroDivisionError):
                model.m.resume(*data, 3, callback=fail, **told)

        _, warned = called(resumed)
        for _ in range(2 if fails else 3):
            _, twin_warned = called(twin.resume, *data, 1, **told)
            if twin_warned or twin.stopped_ == "patience":
                break
        assert bool(warned) == bool(twin_warned)
        assert same_bits(model.m.weights, twin.weights)
        assert all(np.isfinite(W).all() for W in model.m.weights)
        assert model.m.loss_curve_.tobytes() == twin.loss_curve_.tobytes()
        assert model.m.epochs_ == twin.epochs_
        if twin.stopped_ == "epochs":
            assert model.m.stopped_ == ("callback" if fails else "epochs")
            assert model.m.epochs_ == begun + (2 if fails else 3)
        assert "outputs" not in vars(model.m)
        last = [run._history.last for run in (model.m, twin)]
        assert (last[0] is None) == (last[1] is None)
        assert last[0] is None or last[0].tobytes() == last[1].tobytes()
        self.counts[f"resumed, stopped by {twin.stopped_}"] += 1
        self.counts["resumed, best before last"] += last[0] is not None
        self.go_on(model, i, seed)

    @rule(i=which, seed=seeds, k=st.integers(1, 12), form=st.sampled_from(list(FORMS)))
    def partial_train(self, i, seed, k, form):
        """A pass is an epoch that is not shuffled."""
        model = self.model(i)
        (given, _), T, twin = model.rows(k, seed, form), model.targets(k, seed), by_pickle(model.m)
        _, warned = called(model.m.partial_train, given, T)
        told = {"shuffle": False, "orders": None, "validation": None, "patience": None}
        _, twin_warned = called(twin.resume, given, T, 1, **told)
        assert bool(warned) == bool(twin_warned)
        assert same_bits(model.m.weights, twin.weights)
        assert_same_attributes(model.m, attributes(twin))
        self.go_on(model, i, seed)

    def go_on(self, model, i, seed):
        """Take over what a training has left, but go on with outputs that are finite."""
        model.vector, model.forwarded = False, None
        model.learn()
        self.begin_anew_if_large(i, seed)

    @rule(i=which, l=which, p=which, q=which, value=st.floats(-2, 2, width=32), old=st.booleans())
    def write_a_weight(self, i, l, p, q, value, old):
        model = self.model(i)
        if model.live is None or not old:
            model.live = model.m.weights
        l %= len(model.weights)
        p, q = p % len(model.weights[l]), q % model.weights[l].shape[1]
        model.live[l][p, q] = value
        model.weights[l][p, q] = value

    @rule(i=which, l=which, seed=seeds)
    def write_a_layer(self, i, l, seed):
        model = self.model(i)
        l %= len(model.weights)
        W = np.random.default_rng(seed).standard_normal(model.weights[l].shape)
        model.m.weights[l] = W
        model.weights[l] = W.astype(model.case.dtype)

    @rule(i=which, factor=st.sampled_from([0.5, -1.0, 0.75]), form=st.sampled_from([list, tuple]))
    def set_weights(self, i, factor, form):
        model = self.model(i)
        weights = [(W * factor).astype(W.dtype) for W in model.weights]
        model.weights = weights
        model.m.weights = form(W.tolist() for W in weights)
        if "best_epoch_" in model.attributes:  # no longer that of the weights there are
            model.attributes["best_epoch_"] = model.m.best_epoch_

    @rule(i=which, seed=seeds, rate=rates, sparse=st.booleans())
    def step(self, i, seed, rate, sparse):
        model = self.model(i)
        x, X = model.rows(1, seed, "CSR matrix" if sparse else "plain")
        T = model.targets(1, seed)
        self.take(
            model, X, T, rate, lambda: model.m.step(x if sparse else x[0], T[0], rate), online=True
        )
        self.begin_anew_if_large(i, seed)

    @rule(i=which, seed=seeds, k=st.integers(1, 9), form=st.sampled_from(list(FORMS)))
    def forward(self, i, seed, k, form):
        model = self.model(i)
        given, X = model.rows(k, seed, form)
        with contextlib.suppress(UnsureError):
            self.recall(model, given, X)
        kept = X.copy()  # as some forms are X itself
        A = model.m.forward(given)
        if isinstance(given, np.ndarray) and given.flags.writeable:
            given[:] = 7  # of which the network must have a copy
        A[:] = 7
        model.forwarded = kept
        model.attributes = attributes(model.m)

    @rule(i=which, seed=seeds, rate=rates)
    def backward(self, i, seed, rate):
        model = self.model(i)
        X = model.forwarded
        T = model.targets(1 if X is None else len(X), seed)
        if X is None:
            with pytest.raises(RuntimeError, match="forward"):
                model.m.backward(T, rate)
            return
        self.take(model, X, T, rate, lambda: model.m.backward(T, rate))
        self.begin_anew_if_large(i, seed)

    def begin_anew_if_large(self, i, seed):
        """Go on with outputs that are finite, whatever is asked next."""
        model = self.model(i)
        most = {"float64": 1e60, "float32": 1e6}[model.case.dtype]
        if max(np.abs(W).max() for W in model.weights) > most:
            self.init_weights(i, seed)

    @rule(i=which, seed=seeds, online=st.booleans())
    def step_too_far(self, i, seed, online):
        """Take a step by numbers so large that weights may overflow."""
        model = self.model(i)
        scale, rate = {"float64": (1e150, 1e150), "float32": (1e18, 1e18)}[model.case.dtype]
        x, X = dataclasses.replace(model.case, scale=scale).rows(1, seed)
        T = model.targets(1, seed)
        if online:
            self.take(model, X, T, rate, lambda: model.m.step(x[0], T[0], rate), online=True)
        else:
            with np.errstate(all="ignore"):
                outputs = [run.forward(X)[1][-1] for run in model.spread().runs]
            if not all(np.isfinite(A).all() for A in outputs):
                return
            model.m.forward(X)
            model.attributes = attributes(model.m)
            self.take(model, X, T, rate, lambda: model.m.backward(T, rate))
        self.init_weights(i, seed)  # to go on with numbers that can be compared

    def take(self, model, X, T, rate, call, online=False):
        """Take a step; compare the weights, and the loss before if it was online.

        It must be taken back, with a warning, where the reference has an infinite number after it,
        and may be where the rate times an output or an error overflows before they are multiplied.
        """
        spread = model.spread()
        with np.errstate(all="ignore"):
            H, A = spread.plain.sums_and_outputs(X)
            errors = [G[0] for G in spread.plain.gradients(H, A, T)]  # of the bias nodes, times -1
            parts = [rate * float(np.abs(part).max()) for part in (*A, *errors)]
        may_overflow = not max(parts) < float(np.finfo(model.case.dtype).max) / 8
        for run in spread.runs:
            run.loss_before = run.step(X, T, rate)[1]
        finite = [
            (not online or np.isfinite(run.loss_before))
            and all(np.isfinite(W).all() for W in run.weights)
            for run in spread.runs
        ]
        loss, warned = called(call)
        model.forwarded = None
        assert all(np.isfinite(W).all() for W in model.m.weights)
        if warned:
            model.check()
        if all(finite) and warned:
            assert may_overflow
            self.counts["steps of which a part overflows"] += 1
        elif all(finite):
            try:
                spread.check_no_jump()
                model.compare(spread, lambda run: run.weights)
                if online:
                    expected, allowed = spread.allowed(lambda run: np.array([run.loss_before]))
                    assert isinstance(loss, float)
                    assert distance([loss], expected, allowed) <= 1, (loss, expected, allowed)
                else:
                    assert loss is None
            except UnsureError as reason:
                self.counts[f"unsure: {reason}"] += 1
        elif not any(finite):
            assert warned
            self.counts["steps taken back"] += 1
        model.learn()

    # --- what answers ---

    @rule(i=which, seed=seeds, k=st.integers(1, 9), form=st.sampled_from(list(FORMS)))
    def answer(self, i, seed, k, form):
        model = self.model(i)
        given, X = model.rows(k, seed, form)
        try:
            self.recall(model, given, X)
        except UnsureError as reason:
            self.counts[f"answers unsure: {reason}"] += 1
        model.forwarded = None
        model.attributes = attributes(model.m)

    def recall(self, model, given, X):
        """Compare all answers, after which forward no longer came last."""
        recall_and_compare(model.m, given, X, model.case, model.vector, self.counts)

    @rule(
        i=which, seed=seeds, how=st.sampled_from(["predict", "predict_classes", "confmat", "row"])
    )
    def ask(self, i, seed, how):
        """Ask one thing, which voids the forward process before it."""
        model = self.model(i)
        X, _ = model.rows(1 if how == "row" else 5, seed)
        T = make_targets(
            "softmax" if model.case.sizes[-1] > 1 else model.case.activations[-1],
            len(X),
            model.case.sizes[-1],
            True,
            model.case.dtype,
            seed,
        )
        if how == "confmat":
            if model.case.sizes[-1] == 1:
                T = (T > 0).astype(int) if model.case.activations[-1] != "tanh" else np.sign(T)
            counts = model.m.confmat(X, T)
            classes = model.m.predict_classes(X)
            self.compare_confmat(counts, classes, T)
        elif how == "predict_classes":
            model.m.predict_classes(X)
        else:
            model.m.predict(X)
        model.forwarded = None

    def compare_confmat(self, counts, classes, T):
        """Count again, one by one."""
        n = T.shape[1]
        expected = np.zeros((max(n, 2), max(n, 2)), int)
        for c, t in zip(classes, T, strict=True):
            if n == 1:  # [[tp, fp], [fn, tn]]
                expected[1 - c, int(t[0] != 1)] += 1
            else:
                expected[t.argmax(), c] += 1
        np.testing.assert_array_equal(counts, expected)

    @rule(i=which, seed=seeds, factor=st.sampled_from([0.5, 2.0]))
    def answer_with_other_weights(self, i, seed, factor):
        """Ask with weights of the call's own, which changes nothing: forward still came last."""
        model = self.model(i)
        X, _ = model.rows(3, seed)
        other = [(factor * W).astype(W.dtype) for W in model.weights]
        twin = MLP(**model.case.options).init_weights(model.case.sizes, 0)
        twin.weights = other
        expected = twin.forward(X)
        eps = ROUNDINGS * np.finfo(model.case.dtype).eps
        np.testing.assert_allclose(model.m.forward(X, other), expected, rtol=eps, atol=eps)
        model.m.predict(X, other), model.m.predict_classes(X, other)

    # --- copies ---

    @precondition(lambda self: 0 < len(self.models) < 4)
    @rule(i=which, how=st.sampled_from(list(COPIES)))
    def copy(self, i, how):
        model = self.model(i)
        twin = COPIES[how](model.m)
        assert vars(twin.settings) == vars(model.m.settings)
        self.models.append(Model(twin, model.case))
        self.models[-1].vector = model.vector
        assert same_bits(twin.weights, model.weights)
        kept = {
            name: value
            for name, value in model.attributes.items()
            if how != "file" or name not in NOT_IN_FILES
        }
        assert_same_attributes(twin, kept)
        self.counts[f"copies by {how}"] += 1

    # --- what is refused, after which nothing has changed ---

    @rule(i=which, seed=seeds, bad=which)
    def refuse(self, i, seed, bad):
        model = self.model(i)
        m, (X, _), T = model.m, model.rows(3, seed), model.targets(3, seed)
        wide, nan = np.ones((3, X.shape[1] + 1), X.dtype), X.copy()
        nan[1, 0] = np.nan
        wrong = model.weights[:-1] + [model.weights[-1][1:]]
        low = T.copy()
        low[2, 0] = -np.inf if model.case.activations[-1] == "linear" else -1.5
        calls = [
            lambda: m.train(nan, T),
            lambda: m.train(X, T[:2]),
            lambda: m.train(X, low),
            lambda: m.train(X, T, layer_size=3),
            lambda: m.train(X, T, epochs=0),
            lambda: m.train(X, T, batch_size=0),
            lambda: m.train(X, T, orders=[[0, 1, 1]], epochs=1),
            lambda: m.train(sp.csc_array(X), T),
            lambda: m.init_weights((3,)),
            lambda: m.init_weights((3, 0, 1)),
            lambda: setattr(m, "weights", wrong),
            lambda: setattr(m, "weights", [np.full_like(W, np.inf) for W in model.weights]),
            lambda: m.weights.__setitem__(0, np.full_like(model.weights[0], np.nan)),
            lambda: m.weights.__setitem__(0, model.weights[0][1:]),
            lambda: m.predict(wide),
            lambda: m.predict(nan),
            lambda: m.predict(nan[1:2]),
            lambda: m.predict(wide[:1]),
            lambda: m.predict(X, wrong),
            lambda: m.predict_classes(wide),
            lambda: m.confmat(X, low),
            lambda: m.step(wide[0], T[0]),
            lambda: m.step(nan[1], T[0]),
            lambda: m.step(X[0], low[2]),
            lambda: m.step(X[0], T[0], -1.0),
            lambda: m.forward(X, wrong),
            lambda: m.resume(nan, T),
            lambda: m.resume(X, T, epochs=0),
            lambda: m.resume(X, T, layer_sizes=(99,)),
            lambda: m.resume(X, T, orders=None, validation=(wide, T)),
            lambda: m.resume([(X, T), (wide, T)], epochs=2, orders=None, validation=None),
            lambda: m.resume([(X, T), (X, low)], epochs=2, orders=None, validation=None),
            lambda: m.train([(X, T), (nan, T)], epochs=2),
            lambda: m.train(iter([(X, T)])),
            lambda: m.train(X, T, validation_fraction=1.0),
            lambda: m.partial_train(wide, T),
            lambda: m.partial_train(X, T[:2]),
            lambda: m.save(tempfile.gettempdir()),
            lambda: MLP.load(tempfile.gettempdir()),
        ]
        with pytest.raises((ValueError, TypeError, IsADirectoryError)):
            calls[bad % len(calls)]()
        self.counts["refused"] += 1
        model.check()

    @rule(i=which, seed=seeds, bad=st.sampled_from(["wide", "nan", "text"]))
    def refuse_forward(self, i, seed, bad):
        """Refuse inputs: then there is no forward process that backward could follow."""
        model = self.model(i)
        X, _ = model.rows(3, seed)
        if bad == "wide":
            X = np.ones((3, X.shape[1] + 1), X.dtype)
        elif bad == "nan":
            X[2, 0] = np.nan
        else:
            X = X.astype(str)
        good, _ = model.rows(2, seed)
        model.m.forward(good)
        with pytest.raises((ValueError, TypeError)):
            model.m.forward(X)
        with pytest.raises(RuntimeError, match="forward"):
            model.m.backward(model.targets(2, seed))
        model.forwarded = None
        assert same_bits(model.m.weights, model.weights)
        model.attributes = attributes(model.m)  # whatever outputs are left

    @precondition(lambda self: any(model.forwarded is not None for model in self.models))
    @rule(seed=seeds, bad=st.sampled_from(["rows", "columns", "nan", "rate"]))
    def refuse_backward(self, seed, bad):
        """Refuse targets: the forward process is still the one that backward may follow."""
        model = next(model for model in self.models if model.forwarded is not None)
        T = model.targets(len(model.forwarded), seed)
        if bad == "rows":
            T = np.concatenate([T, T])
        elif bad == "columns":
            T = np.concatenate([T, T], axis=1)
        elif bad == "nan":
            T[0, 0] = np.nan
        with pytest.raises(ValueError, match=r"T must|learning_rate must"):
            model.m.backward(T, np.inf if bad == "rate" else 0.1)


def run(max_examples, **options):
    """Run so many sequences; return what was counted."""
    with counted() as counts:
        Sequences.counts = counts
        run_state_machine_as_test(
            Sequences,
            settings=settings(
                max_examples=max_examples,
                stateful_step_count=20,
                database=None,
                deadline=None,
                suppress_health_check=list(HealthCheck),
                **options,
            ),
        )
    return counts


def test_networks_and_their_copies_go_through_any_sequence_of_calls():
    counts = run(200)
    assert counts.keys() >= STEPS | RESUMED | {f"copies by {how}" for how in COPIES}


@pytest.mark.slow
def test_many_sequences(capsys):
    counts = run(20_000, derandomize=False, print_blob=True)
    with capsys.disabled():
        print("\n" + table(counts, "sequences of calls"))
