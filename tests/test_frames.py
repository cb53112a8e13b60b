"""Frames, their columns, and files larger than memory, as X, T, x and t."""

import numpy as np
import pandas as pd
import pytest
from cases import DTYPES
from cross import cross

from mlp_fast import MLP
from mlp_fast.boundary.arrays import as_array
from mlp_fast.boundary.inputs import as_rows

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
    m = MLP(3, batch_size=1, dtype=dtype).train(mapped, t, 3)
    other = MLP(3, batch_size=1, dtype=dtype).train(np.array(mapped), np.zeros(10), 3)
    assert all(map(np.array_equal, m.weights, other.weights))


def test_int64_beside_other_columns_is_as_exact_as_alone():
    frame = pd.DataFrame({"a": [2**53 - 1, 1], "b": [0.5, 1.5], "c": [True, False]})
    assert as_array("X", frame.convert_dtypes())[0, 0] == 2**53 - 1


MISSING = FRAMES["nullable"].astype({"whole": "Int64"})
MISSING.loc[4, "whole"] = pd.NA
TEXT = PLAIN.assign(city="Paris")
BAD = {
    "missing": (MISSING, ValueError, r"X must be finite; got nan at \(4, 0\)"),
    "text": (TEXT, TypeError, r"its column 'city' \(.*, such as 'Paris'\) must be encoded"),
    "text and dates": (
        TEXT.assign(when=pd.Timestamp("2020-01-01"), kind=pd.Categorical(["a"] * K)),
        TypeError,
        r"its columns 'city' \(.*\), 'when' \(datetime64.*\), 'kind' \(category, such as 'a'\)",
    ),
    "objects": (PLAIN.astype(object), TypeError, r"'whole' \(object, .*converted by astype"),
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
}


@cross(kind=BAD, ask=["train", "predict", "predict_proba", "forward", "confmat"])
def test_frames_that_hold_no_numbers_name_the_column(kind, ask):
    frame, error, message = BAD[kind]
    m = MLP(3).train(X, TARGETS["a frame"], 3)
    before = m.weights.copy()
    more = [TARGETS["a frame"]] if ask in ("train", "confmat") else []
    with pytest.raises(error, match=message):
        getattr(m, ask)(frame, *more)
    assert all(map(np.array_equal, m.weights, before))


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
    with pytest.raises(TypeError, match=r"got the class name b?'setosa': encode it as") as caught:
        MLP(3).train(X, T, 3)
    recipe = str(caught.value).partition(": classes")[2]
    names = {"np": np, "T": T}
    exec("classes" + recipe, names)
    m = MLP(3, output_activation="softmax").train(X, names["T"], 3)
    assert m.predict_proba(X).shape == (K, 3)
    assert [str(c) for c in np.ravel(names["classes"])[:1]] in (["setosa"], ["b'setosa'"])


def test_the_class_name_of_one_sample_is_refused():
    m = MLP(3).init_weights((5, 3, 2))
    for t in ("setosa", np.array("setosa"), ["setosa", "virginica"]):
        with pytest.raises(TypeError, match=r"t must .*'setosa': encode it as its row of np\.eye"):
            m.step(X[0], t)
