"""How options are given: one list in Settings, signatures and docstrings; what is in force."""

import copy
import dataclasses
import inspect
import pickle
import pydoc
import re
import typing

import numpy as np
import pytest
from cases import DTYPES
from cross import cross
from spying import taken

from mlp_fast import MLP
from mlp_fast.activations import ACTIVATIONS, HIDDEN
from mlp_fast.attached import Attached
from mlp_fast.kernels.network.initial import INITIALISATIONS
from mlp_fast.losses import LOSSES
from mlp_fast.optimizers import Momentum, RMSprop
from mlp_fast.options import AS_CONFIGURED, CHECKS, OF_NETWORK
from mlp_fast.options import DTYPES as NAMED
from mlp_fast.paths import PATHS
from mlp_fast.settings import Settings
from mlp_fast.suggestions import ABSENT, ELSEWHERE
from mlp_fast.update_rule import ALL, LINEAR, PLAIN

X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
T = np.array([[0.0], [1.0], [1.0], [0.0]])
ATTACHED = Attached._fields
OF_CALL = "self", "X", "T", "sample_weight"  # of one call: never in force for the next
FIELDS = {field.name: field.default for field in dataclasses.fields(Settings)}
OTHER = {
    "layer_sizes": (3,),
    "activation": "tanh",
    "output_activation": "linear",
    "loss": "binary_cross_entropy",
    "beta": 2.0,
    "optimizer": Momentum(0.5, nesterov=True),
    "learning_rate": 0.5,
    "l2": 0.25,
    "clip_norm": 3.0,
    "epochs": 7,
    "batch_size": 1,
    "shuffle": False,
    "orders": [[3, 1, 2, 0]] * 3,
    "initialisation": "he",
    "random_state": 5,
    "dtype": "float32",
    "verbose": 1,
    "save_weights": True,
    "progress": True,
    "validation_fraction": 0.25,
    "patience": 3,
    "tol": 0.5,
}
"""For every option, a value other than its default."""


def documented(function, section="Parameters"):
    """Return the names that a section of a docstring documents, in their order."""
    doc = inspect.getdoc(function)
    body = re.search(rf"{section}\n-+\n(.*?)(\n\n[A-Z]\w+\n-+\n|\Z)", doc, re.S)[1]
    heads = re.findall(r"^(\w[\w, ]*) : ", body, re.M)
    return [name for head in heads for name in head.split(", ")]


def test_there_is_one_list_of_options():
    names = [*FIELDS]
    assert [*CHECKS] == names
    assert [*OTHER] == names
    of_class = inspect.signature(MLP).parameters
    assert [*of_class] == documented(MLP) == names
    of_train = inspect.signature(MLP.train).parameters
    assert documented(MLP.train) == [*of_train][1:]
    assert sorted({*of_train} - {*OF_CALL, "weights", *ATTACHED}) == sorted(names)


def test_resume_has_the_options_that_can_change():
    of_resume = inspect.signature(MLP.resume).parameters
    assert documented(MLP.resume) == [*of_resume][1:-1]  # without those that are fixed
    assert {*of_resume} - {*OF_CALL, "fixed", *ATTACHED} == {*FIELDS} - OF_NETWORK
    for name, parameter in of_resume.items():
        if name not in (*OF_CALL, "fixed"):
            assert parameter.default is AS_CONFIGURED
    of_train = inspect.signature(MLP.train).parameters
    assert {name: of_train[name].default for name in ATTACHED} == Attached._field_defaults


def test_signatures_show_every_default():
    of_class = inspect.signature(MLP).parameters
    assert {name: CHECKS[name](p.default) for name, p in of_class.items()} == FIELDS
    by_position = [n for n, p in of_class.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert by_position == ["layer_sizes"]
    of_train = inspect.signature(MLP.train).parameters
    assert all(of_train[name].default is AS_CONFIGURED for name in FIELDS)
    by_position = [n for n, p in of_train.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert by_position == ["self", "X", "T", "epochs"]
    assert str(of_train["epochs"]) == "epochs: int = <as configured>"
    kinds = {p.kind for p in (*of_class.values(), *of_train.values())}
    assert kinds.isdisjoint({inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL})


def choices(annotation):
    """Return all strings in the Literals of an annotation."""
    if typing.get_origin(annotation) is typing.Literal:
        return {*typing.get_args(annotation)}
    inner = [choices(part) for part in typing.get_args(annotation)]
    return set().union(*inner)


@pytest.mark.parametrize("function", [MLP.__init__, MLP.train])
def test_choices_are_literals_of_what_there_is(function):
    hints = typing.get_type_hints(function)
    assert choices(hints["activation"]) == {*HIDDEN}
    assert choices(hints["output_activation"]) == {*ACTIVATIONS}
    assert choices(hints["loss"]) == {*LOSSES}
    assert choices(hints["initialisation"]) == {*INITIALISATIONS}
    assert choices(hints["dtype"]) >= {*NAMED}


def test_help_of_train_says_what_it_does_without_expanded_unions():
    text = pydoc.plain(pydoc.render_doc(MLP.train))
    signature, found, _ = text.partition("    Train afresh")
    assert found
    assert "<as configured>" in signature
    assert "Union[" not in signature
    parameters = inspect.signature(MLP.train).parameters.values()
    assert max(len(str(parameter.annotation)) for parameter in parameters) < 40


@pytest.mark.parametrize("name", OTHER)
def test_every_option_reaches_settings_and_what_is_in_force(name):
    m = MLP(**{name: OTHER[name]}) if name != "loss" else MLP(loss=OTHER[name])
    told = getattr(m.settings, name)
    assert np.array_equal(told, OTHER[name])
    assert m.in_force is m.settings
    if name != "orders":
        assert f"{name}={told!r}" in repr(m)
    options = {name: OTHER[name]} | ({} if name == "epochs" else {"epochs": 3})
    other = MLP().train(X, T, **options)
    assert np.array_equal(getattr(other.in_force, name), OTHER[name])
    assert other.settings == Settings()
    assert other.settings.orders is None


def test_there_is_one_value_that_stands_for_what_is_configured():
    for twin in (copy.deepcopy(AS_CONFIGURED), pickle.loads(pickle.dumps(AS_CONFIGURED))):
        assert twin is AS_CONFIGURED
    m = MLP(3, epochs=5, learning_rate=0.5)
    m.train(X, T, AS_CONFIGURED, learning_rate=AS_CONFIGURED)
    assert m.in_force == m.settings == MLP(3, epochs=5, learning_rate=0.5).settings


def test_layer_sizes_may_be_given_by_position():
    assert MLP((10,)).settings.layer_sizes == (10,)
    assert MLP(10).settings == MLP(layer_sizes=10).settings
    with pytest.raises(TypeError, match="positional"):
        MLP((10,), "tanh")


def test_none_is_a_full_batch_and_not_what_is_configured():
    m = MLP(layer_sizes=2, batch_size=1).train(X, T, 3, batch_size=None)
    assert m.in_force.batch_size is None
    assert m.train(X, T, 3).in_force.batch_size == 1


def test_what_train_was_told_is_in_force_until_the_next_train_or_init_weights():
    m = MLP(layer_sizes=2, learning_rate=0.25).train(X, T, 3, learning_rate=2.0)
    assert m.in_force.learning_rate == 2.0
    assert m.settings.learning_rate == 0.25
    for call in (step, backward):
        default, told = copy.deepcopy(m), copy.deepcopy(m)
        call(default)
        call(told, learning_rate=2.0)
        assert np.array_equal(default.weights[0], told.weights[0])
        assert not np.array_equal(default.weights[0], m.weights[0])
    m.train(X, T, 3)
    assert m.in_force.learning_rate == 0.25
    m.train(X, T, 3, learning_rate=2.0).init_weights((2, 2, 1))
    assert m.in_force.learning_rate == 0.25


def step(m, **rate):
    m.step(X[1], T[1], **rate)


def backward(m, **rate):
    m.forward(X)
    m.backward(T, **rate)


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))]
)
def test_a_copy_has_the_same_options_in_force(copied):
    m = copied(MLP(layer_sizes=2).train(X, T, 3, learning_rate=2.0, batch_size=1))
    assert (m.in_force.learning_rate, m.in_force.batch_size) == (2.0, 1)
    assert m.settings == MLP(layer_sizes=2).settings


def test_what_is_refused_leaves_in_force_as_it_was():
    m = MLP(layer_sizes=2).train(X, T, 3, learning_rate=2.0)
    with pytest.raises(ValueError, match="finite"):
        m.train(X * np.nan, T, 3, learning_rate=0.1)
    assert m.in_force.learning_rate == 2.0


def test_init_weights_takes_the_networks_own_seed():
    for seed in (0, 7):
        m = MLP(random_state=seed).init_weights((2, 3, 1))
        assert np.array_equal(m.weights[0], MLP().init_weights((2, 3, 1), seed).weights[0])
        trained = MLP(random_state=seed, layer_sizes=3, save_weights=True).train(X, T, 1)
        assert np.array_equal(m.weights[0], trained.saved_weights[0][0])
        assert (m.in_force.random_state, m.in_force.layer_sizes) == (seed, (3,))
    assert m.init_weights((2, 3, 1), 1).in_force.random_state == 1
    first, second = (MLP().init_weights((2, 3, 1), None).weights[0].copy() for _ in range(2))
    assert not np.array_equal(first, second)
    first, second = (MLP(random_state=None).init_weights((2, 3, 1)).weights[0] for _ in range(2))
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("initialisation", INITIALISATIONS)
def test_all_fresh_weights_are_drawn_by_the_initialisation_in_force(initialisation):
    m = MLP(initialisation=initialisation).init_weights((2, 3, 1))
    assert m.in_force.initialisation == initialisation
    drawn = [W.tobytes() for W in m.weights]
    assert len({W.tobytes() for name in INITIALISATIONS for W in fresh(name)}) == 2 * 3
    assert [W.tobytes() for W in fresh(initialisation)] == drawn
    told = {"layer_sizes": 3, "save_weights": True}
    configured = MLP(initialisation=initialisation, **told).train(X, T, 1)
    trained = MLP(**told).train(X, T, 1, initialisation=initialisation)
    streamed = MLP(initialisation=initialisation, **told).partial_train(X, T)
    for n in (configured, trained, streamed):
        assert [W.tobytes() for W in n.saved_weights[0]] == drawn
        assert n.in_force.initialisation == initialisation
    trained.init_weights((2, 3, 1))
    assert trained.in_force.initialisation == "tutorial"
    assert all(map(np.array_equal, trained.weights, fresh("tutorial")))
    given = MLP(3, save_weights=True, initialisation=initialisation)
    given.train(X, T, 1, weights=fresh("he"))
    assert all(map(np.array_equal, given.saved_weights[0], fresh("he")))


def fresh(initialisation):
    return MLP(initialisation=initialisation).init_weights((2, 3, 1)).weights


@pytest.mark.parametrize("name", OTHER)
def test_an_option_cannot_be_set_as_an_attribute(name):
    m = MLP()
    with pytest.raises(AttributeError, match=rf"{name} is set by MLP\({name}=\.\.\.\) or train"):
        setattr(m, name, OTHER[name])
    assert name not in vars(m)
    for name in ("settings", "in_force"):
        with pytest.raises(AttributeError):
            setattr(m, name, Settings())
    m.note = "anything else can be"


@pytest.mark.parametrize("call", [MLP, lambda **options: MLP().train(X, T, **options)])
def test_an_unknown_option_suggests_the_one_that_is_meant(call):
    meant = {
        "learning_rat": "learning_rate",
        "Activation": "activation",
        "layer_size": "layer_sizes",
        "initialization": "initialisation",
        "Initialisations": "initialisation",
    }
    for unknown, name in (meant | ELSEWHERE).items():
        if name in OF_CALL:
            continue
        with pytest.raises(TypeError, match=f"^unknown option '{unknown}': did you mean '{name}'"):
            call(**{unknown: 1})
    of_train = inspect.signature(MLP.train).parameters
    for unknown in ABSENT.keys() - ({} if call is MLP else of_train.keys()):
        with pytest.raises(
            TypeError, match=f"^unknown option '{unknown}': {re.escape(ABSENT[unknown])}; the"
        ):
            call(**{unknown: 1})
    with pytest.raises(TypeError, match=r"^unknown option 'quux'; the options are .*progress"):
        call(quux=1)


def test_data_may_be_given_by_name_and_is_suggested_for_other_names():
    m = MLP(2).train(T=T, X=X, epochs=3)
    assert np.array_equal(m.weights[0], MLP(2).train(X, T, 3).weights[0])
    of_data = {unknown: name for unknown, name in ELSEWHERE.items() if name in OF_CALL}
    assert of_data.items() >= {("y", "T"), ("x", "X"), ("sample_weights", "sample_weight")}
    for unknown, name in of_data.items():
        with pytest.raises(TypeError, match=f"^unknown option '{unknown}': did you mean '{name}'"):
            m.train(X, **{unknown: T})
        with pytest.raises(TypeError, match=f"^unknown option '{unknown}'; the options are layer"):
            MLP(**{unknown: T})


def test_suggestions_are_options():
    assert {*ELSEWHERE.values()} <= {*FIELDS, *OF_CALL}
    assert {*FIELDS}.isdisjoint(ELSEWHERE)
    for known in ("hidden_layer_sizes", "alpha", "lr", "batch", "max_iter", "kernel_initializer"):
        assert known in ELSEWHERE or known in ABSENT
    with pytest.raises(TypeError, match="unknown option 'weights': give them to train"):
        MLP(weights=[])


TRAINING = [path for path in PATHS if path.call == "train"]


@cross(path=TRAINING, dtype=DTYPES)
def test_training_starts_from_the_callers_weights_on_every_path(path, dtype):
    sizes, k, batch_size, sparse, dtypes, *_ = path.example
    if dtype not in dtypes:
        dtype = dtypes[0]
    forgetful = {PLAIN: {}, LINEAR: {"clip_norm": 1e9}, ALL: {"optimizer": RMSprop(rho=0.0)}}
    rng = np.random.default_rng(0)
    rows = rng.random((k, sizes[0])).astype(dtype)
    if sparse:
        rows = pytest.importorskip("scipy.sparse").csr_array(rows)
    targets = rng.random((k, sizes[-1]))
    told = {"batch_size": batch_size, "dtype": dtype, **forgetful[path.rules]}
    m = MLP(sizes[1:-1], learning_rate=0.5, shuffle=False, **told)
    whole = copy.deepcopy(m.train(rows, targets, 4, save_weights=True))
    half = whole.saved_weights[2]
    kept = [W.copy() for W in half]
    with taken() as calls:
        m.train(rows, targets, 2, weights=half)
    assert {call.path for call in calls} == {path}
    for W, V in zip(m.weights, whole.weights, strict=True):
        assert np.array_equal(W, V)
    assert all(map(np.array_equal, half, kept))
    m.train(rows, targets, 2, weights=half, save_weights=True)
    assert all(map(np.array_equal, m.saved_weights[0], half))


def test_a_network_trains_on_from_its_own_weights():
    m = MLP(2, batch_size=None, learning_rate=2).train(X, T, 3)
    m.train(X, T, 4, weights=m.weights)
    assert np.array_equal(m.weights[0], MLP(2, learning_rate=2).train(X, T, 7).weights[0])
    before = m.weights.copy()
    for bad, message in (
        (m.weights[:1], r"weights must hold 2 arrays, one for each layer; got 1"),
        ([np.zeros((3, 3)), np.zeros((3, 1))], r"weights\[0\] must have shape \(3, 2\)"),
        ([np.full((3, 2), np.nan), np.zeros((3, 1))], r"weights\[0\] must be finite; got nan"),
    ):
        with pytest.raises(ValueError, match=message):
            m.train(X, T, 4, weights=bad)
        assert all(map(np.array_equal, m.weights, before))
