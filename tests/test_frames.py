"""Frames, their columns, and files larger than memory, as X, T, x and t."""

import numpy as np
import pandas as pd
import pytest
from cases import DTYPES
from cross import cross

from mlp_fast import MLP
from mlp_fast.boundary.arrays import as_array
from mlp_fast.boundary.inputs import as_rows
from mlp_fast.boundary.targets import as_targets

K = 12
RNG = np.random.default_rng(0)
PLAIN = pd.DataFrame(
    {
        "whole": np.arange(K),
        "small": np.arange(K, dtype=np.int8) - 5,
        "flag": np.arange(K) % 3 == 0,
        "real": RNG.standard_normal(K),
        "single": RNG.standard_normal(K).astype(np.float32),
    }
)
X = np.stack([PLAIN[name].to_numpy(np.float64) for name in PLAIN], axis=1)
FRAMES = {
    "mixed": PLAIN,
    "numbers": PLAIN.drop(columns="flag").assign(flag=PLAIN["flag"] * 1.0)[[*PLAIN]],
    "nullable": PLAIN.convert_dtypes(),
    "nullable beside others": PLAIN.assign(whole=PLAIN["whole"].astype("Int64")),
    "one dtype": PLAIN.astype("Float64"),
    "sparse": PLAIN.astype(float).astype(pd.SparseDtype(float, 0.0)),
    "columns of one name": PLAIN.set_axis(["same"] * 5, axis=1),
    "columns of two levels": PLAIN.set_axis(
        pd.MultiIndex.from_tuples([("a", n) for n in PLAIN]), axis=1
    ),
    "rows by name": PLAIN.convert_dtypes().set_axis([*"lkjihgfedcba"], axis=0),
}
TARGETS = {
    "a nullable column": pd.Series(np.arange(K) % 2, dtype="Int64"),
    "a column of booleans": pd.Series(np.arange(K) % 2 == 1),
    "nullable booleans": pd.Series(np.arange(K) % 2 == 1).convert_dtypes(),
    "a frame": pd.DataFrame({"y": np.arange(K) % 2}).convert_dtypes(),
    "categories that are numbers": pd.Series(np.arange(K) % 2).astype("category"),
}


@cross(frame=FRAMES, targets=TARGETS, dtype=DTYPES)
def test_frames_train_and_predict_as_their_numbers_do(frame, targets, dtype):
    rows, T = FRAMES[frame], TARGETS[targets]
    before = rows.copy(deep=True), T.copy(deep=True)
    m, other = (MLP(3, dtype=dtype, batch_size=4) for _ in range(2))
    m.train(rows, T, 3)
    t = np.arange(K) % 2
    other.train(X, t.reshape(-1, 1) if T.ndim == 2 else t, 3)
    assert all(map(np.array_equal, m.weights, other.weights))
    for ask in ("predict", "predict_proba", "predict_classes", "forward"):
        np.testing.assert_array_equal(
            getattr(m, ask)(rows), getattr(other, ask)(X), ask, strict=True
        )
    np.testing.assert_array_equal(m.confmat(rows, T), other.confmat(X, t))
    assert m.step(rows.iloc[3], T.iloc[3]) == other.step(X[3], t[3])
    pd.testing.assert_frame_equal(rows, before[0])
    (pd.testing.assert_frame_equal if T.ndim == 2 else pd.testing.assert_series_equal)(T, before[1])


@pytest.mark.parametrize("dtype", DTYPES)
def test_what_has_the_form_that_kernels_take_is_not_copied(dtype, tmp_path):
    frame = pd.DataFrame(np.arange(20.0).reshape(10, 2).astype(dtype))
    assert np.shares_memory(as_array("X", frame), frame.to_numpy())
    mapped = np.memmap(tmp_path / "rows", dtype, "w+", shape=(10, 2))
    mapped[:] = frame
    assert np.shares_memory(as_rows(mapped, dtype).X, mapped)
    t = np.memmap(tmp_path / "targets", dtype, "w+", shape=(10,))
    assert np.shares_memory(as_targets(t, dtype, 10)[0], t)
    unwritable = np.memmap(tmp_path / "rows", dtype, "r", shape=(10, 2))
    assert np.shares_memory(as_rows(unwritable, dtype).X, unwritable)
    m = MLP(3, batch_size=1, dtype=dtype).train(mapped, t, 3)
    other = MLP(3, batch_size=1, dtype=dtype).train(np.array(mapped), np.zeros(10), 3)
    assert all(map(np.array_equal, m.weights, other.weights))


def test_int64_beside_other_columns_is_as_exact_as_alone():
    frame = pd.DataFrame({"a": [2**53 - 1, 1], "b": [0.5, 1.5], "c": [True, False]})
    assert as_array("X", frame.convert_dtypes())[0, 0] == 2**53 - 1


MISSING = FRAMES["nullable"].astype({"whole": "Int64"})
MISSING.loc[4, "whole"] = pd.NA
TEXT = PLAIN.assign(city="Paris")
DATE = pd.Timestamp("2020-01-01")
OBJECTS = PLAIN[["whole"]].astype(object)
NO_FLOAT = r"must be encoded as numbers or left out$"
BAD = {
    "missing": (
        MISSING,
        ValueError,
        r"X must be finite; got <NA> at \(4, 0\), row 4 of column 'whole'$",
    ),
    "missing, rows by name": (
        MISSING.set_axis([*"lkjihgfedcba"], axis=0),
        ValueError,
        r"got <NA> at \(4, 0\), row 'h' of column 'whole'$",
    ),
    "a missing boolean": (
        PLAIN.assign(flag=pd.array([None, *[True] * (K - 1)], "boolean")),
        ValueError,
        r"got <NA> at \(0, 2\), row 0 of column 'flag'$",
    ),
    "nan beside booleans": (
        PLAIN.assign(real=np.nan),
        ValueError,
        r"got nan at \(0, 3\), row 0 of column 'real'$",
    ),
    "text": (TEXT, TypeError, r"its column 'city' \(.*, such as 'Paris'\) " + NO_FLOAT),
    "text and dates": (
        TEXT.assign(when=DATE, kind=pd.Categorical(["a"] * K), took=pd.Timedelta("1D")),
        TypeError,
        r"its columns 'city' \(.*\), 'when' \(datetime64.*\), 'kind' \(category, such as 'a'\), "
        r"'took' \(timedelta64.*\) " + NO_FLOAT,
    ),
    "text, at first missing": (
        PLAIN.assign(city=[None, *["Paris"] * (K - 1)]),
        TypeError,
        r"'city' \(.*, such as 'Paris'\)",
    ),
    "dates, at first missing": (
        PLAIN.assign(when=[pd.NaT, *[DATE] * (K - 1)]),
        TypeError,
        r"'when' \(datetime64.*, such as Timestamp\(",
    ),
    "objects, one missing": (
        PLAIN.assign(whole=pd.Series([1, None, *[2] * (K - 2)], dtype=object)),
        TypeError,
        r"'whole' \(object, such as 1\) must be converted by astype\(float\)$",
    ),
    "long text": (PLAIN.assign(city="q" * 999), TypeError, r"such as 'q{50,60}…\) must"),
    "objects": (
        PLAIN.astype(object),
        TypeError,
        r"'whole' \(object, such as 0\).* must be converted by astype\(float\)$",
    ),
    "one text among objects": (
        PLAIN.assign(whole=[1, "n/a", *[2] * (K - 2)]),
        TypeError,
        r"its column 'whole' \(object, such as 'n/a'\) " + NO_FLOAT,
    ),
    "objects and text": (
        TEXT.assign(whole=OBJECTS["whole"]),
        TypeError,
        r"or left out, or converted by astype\(float\) where all values are numbers$",
    ),
    "numbers that are categories": (
        PLAIN.astype({"whole": "category"}),
        TypeError,
        r"'whole' \(category, such as 0\) must be converted by astype\(float\)$",
    ),
    "many": (
        pd.DataFrame([["a"] * 9]),
        TypeError,
        r"columns 0 .* 4 \(.*\) and 4 more must be encoded",
    ),
    "text of one name": (
        TEXT.set_axis(["same"] * 6, axis=1),
        TypeError,
        "its column 'same' .*'Paris'",
    ),
    "no rows": (TEXT.iloc[:0], TypeError, r"its column 'city' \(\w+\) must"),
    "nothing": (pd.DataFrame(), ValueError, r"X must not be empty; got shape \(0, 0\)"),
    "one column": (PLAIN["real"], ValueError, r"X must be 2-D, of shape \(k, n_in\)"),
    "a column of text": (TEXT["city"], TypeError, r"got dtype .*, such as 'Paris' at \(0,\)$"),
}


@cross(kind=BAD, ask=["train", "predict", "predict_proba", "forward", "confmat"], dtype=DTYPES)
def test_frames_that_hold_no_numbers_name_the_column(kind, ask, dtype):
    frame, error, message = BAD[kind]
    m = MLP(3, dtype=dtype).train(X, TARGETS["a frame"], 3)
    before, original = m.weights.copy(), frame.copy(deep=True)
    more = [TARGETS["a frame"]] if ask in ("train", "confmat") else []
    with pytest.raises(error, match=message):
        getattr(m, ask)(frame, *more)
    assert all(map(np.array_equal, m.weights, before))
    assert frame.equals(original)


BAD_TARGETS = {
    "missing": (
        pd.Series([1, None, *[0] * (K - 2)], dtype="Int64"),
        ValueError,
        r"T must be finite; got <NA> at \(1,\)$",
    ),
    "missing in a frame": (
        pd.DataFrame({"y": pd.array([1, None, *[0] * (K - 2)], "boolean")}),
        ValueError,
        r"T must be finite; got <NA> at \(1, 0\), row 1 of column 'y'$",
    ),
    "missing among objects": (
        pd.Series([1, pd.NA, *[0] * (K - 2)], dtype=object),
        TypeError,
        r"got dtype object, such as <NA> at \(1,\)$",
    ),
    "dates": (
        pd.DataFrame({"when": [DATE] * K}),
        TypeError,
        r"T must hold real numbers; its column 'when' \(datetime64.*\) " + NO_FLOAT,
    ),
    "names in two columns": (
        pd.DataFrame({"y": 0.0, "z": ["a"] * K}),
        TypeError,
        r"its column 'z' \(.*, such as 'a'\) " + NO_FLOAT,
    ),
    "objects": (OBJECTS, TypeError, r"got dtype object; .* converted by astype\(float\)$"),
}


@cross(kind=BAD_TARGETS, ask=["train", "confmat", "backward"], dtype=DTYPES)
def test_targets_that_are_no_numbers_are_refused(kind, ask, dtype):
    T, error, message = BAD_TARGETS[kind]
    m = MLP(3, dtype=dtype).train(X, TARGETS["a frame"], 3)
    m.forward(X)
    before = m.weights.copy()
    with pytest.raises(error, match=message):
        getattr(m, ask)(*([T] if ask == "backward" else [X, T]))
    assert all(map(np.array_equal, m.weights, before))


def test_a_sample_and_weights_that_miss_a_number_are_refused():
    m = MLP(3).init_weights((5, 3, 1))
    before = m.weights.copy()
    with pytest.raises(ValueError, match=r"x must be finite; got <NA> at \(0,\)$"):
        m.step(MISSING.iloc[4].astype("Float64"), 1)
    with pytest.raises(TypeError, match=r"x must hold real numbers; .*'Paris' at \(5,\)$"):
        m.step(TEXT.iloc[4], 1)
    with pytest.raises(TypeError, match="t must hold real numbers; got dtype object, such as <NA>"):
        m.step(X[0], pd.NA)
    W = [pd.DataFrame(W).astype("Float64") for W in before]
    m.weights = W
    assert all(map(np.array_equal, m.weights, before))
    W[1].iloc[2, 0] = pd.NA
    with pytest.raises(
        ValueError, match=r"weights\[1\] must be finite; got <NA> at \(2, 0\), row 2"
    ):
        m.weights = W
    assert all(map(np.array_equal, m.weights, before))


class Dtype:
    """Of polars, as far as it is asked."""

    def __init__(self, name):
        self.name = name

    def __str__(self):
        return self.name

    def is_numeric(self):
        return self.name == "Int64"


class Column(list):
    def drop_nulls(self):
        return Column(value for value in self if value is not None)


class Polars:
    """A frame of polars, as far as it is asked."""

    def __init__(self, **columns):
        self.columns, self.values = [*columns], [*columns.values()]
        names = {int: "Int64", bool: "Boolean", str: "String"}
        self.dtypes = [Dtype(names.get(type(values[-1]), "Date")) for values in self.values]

    def __getitem__(self, at):
        return Column(self.values[at[1]])

    def to_numpy(self):
        return np.array(self.values, float).T

    def __array__(self, dtype=None, copy=None):
        return self.to_numpy()


def test_frames_without_pandas():
    np.testing.assert_array_equal(
        as_array("X", Polars(a=[1, 2], b=[True, False])), [[1, 1], [2, 0]]
    )
    with pytest.raises(TypeError, match=r"its column 'c' \(String, such as 'u'\) must be encoded"):
        as_array("X", Polars(a=[1, 2], c=[None, "u"]))
    with pytest.raises(TypeError, match=r"its column 'd' \(Date, such as .*2020.*\) must be"):
        as_array("X", Polars(a=[1, 2], d=[DATE, DATE]))


NAMES = np.array(["setosa", "virginica", "versicolor"])[np.arange(K) % 3]
NAMED = {
    "an array": NAMES,
    "a matrix": NAMES.reshape(-1, 1),
    "bytes": NAMES.astype("S"),
    "objects": NAMES.astype(object),
    "a list": NAMES.tolist(),
    "a column": pd.Series(NAMES),
    "categories": pd.Series(NAMES).astype("category"),
    "nullable": pd.Series(NAMES).convert_dtypes(),
    "a frame": pd.DataFrame({"y": NAMES}),
}


@pytest.mark.parametrize("kind", NAMED)
def test_class_names_are_refused_with_a_recipe_that_works(kind):
    T = NAMED[kind]
    with pytest.raises(
        TypeError, match=r"class names such as b?'setosa': encode them as"
    ) as caught:
        MLP(3).train(X, T, 3)
    recipe = str(caught.value).partition(": classes")[2]
    names = {"np": np, "T": T}
    exec("classes" + recipe, names)
    m = MLP(3, output_activation="softmax").train(X, names["T"], 3)
    assert m.predict_proba(X).shape == (K, 3)
    assert [str(c) for c in np.ravel(names["classes"])[:1]] in (["setosa"], ["b'setosa'"])


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_a_row_that_names_no_class_is_told(missing):
    T = NAMES.astype(object)
    T[5] = missing
    for names in (T, pd.Series(T), pd.Series(T).astype("category"), T.tolist()):
        if missing is np.nan and isinstance(names, list):
            continue  # NumPy makes the text 'nan' of it
        message = r"T must .* class names such as 'setosa', but (None|nan|<NA>) at \(5,\), which"
        with pytest.raises(TypeError, match=message):
            MLP(3).train(X, names, 3)


def test_the_class_name_of_one_sample_is_refused():
    m = MLP(3).init_weights((5, 3, 2))
    for t in ("setosa", b"setosa", np.array("setosa"), ["setosa", "virginica"]):
        with pytest.raises(TypeError, match=r"t must .*'setosa': encode them as rows of np\.eye"):
            m.step(X[0], t)
