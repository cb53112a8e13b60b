"""The calls and figures of the tutorial, as its readers would run them."""

import numpy as np
import pytest

from mlp_fast import MLP

XOR_inp = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
XOR_target = np.array([[0], [1], [1], [0]])
AND_target = np.array([[0], [0], [0], [1]])


def test_xor():
    m = MLP()
    m.train(XOR_inp, XOR_target, 5001, layer_sizes=(2,), learning_rate=1, random_state=0)
    assert m.error_ == pytest.approx(0.008145708816099705, rel=1e-10)
    assert m.confmat(XOR_inp, XOR_target).tolist() == [[2, 0], [0, 2]]
    assert m.predict(XOR_inp).tolist() == XOR_target.tolist()


def test_and():
    m2 = MLP()
    m2.train(XOR_inp, AND_target, layer_sizes=(2,), learning_rate=1, epochs=5001, random_state=27)
    assert m2.error_ == pytest.approx(0.0004818608199957538, rel=1e-10)
    assert m2.confmat(XOR_inp, AND_target).tolist() == [[1, 0], [0, 3]]


def test_initial_weights_are_the_legacy_generators_draws():
    m = MLP().init_weights((784, 100, 10), 42)
    rs = np.random.RandomState(42)
    for W, (n_in, n_out) in zip(m.weights, [(784, 100), (100, 10)], strict=True):
        r = rs.rand(n_in + 1, n_out)
        np.testing.assert_array_equal(W, r * (2 / np.sqrt(n_in)) - 1 / np.sqrt(n_in))


def test_float32_weights_are_the_same_draws_cast():
    double, single = (MLP(dtype=d).init_weights((7, 5, 2), 9).weights for d in "df")
    for D, S in zip(double, single, strict=True):
        assert S.dtype == np.float32
        np.testing.assert_array_equal(S, D.astype(np.float32))


def test_train_starts_from_those_weights():
    m = MLP().train(XOR_inp, XOR_target, 1, layer_sizes=(3,), random_state=5, save_weights=True)
    fresh = MLP().init_weights((2, 3, 1), 5)
    for saved, W in zip(m.saved_weights[0], fresh.weights, strict=True):
        np.testing.assert_array_equal(saved, W)


def test_global_random_state_is_left_alone():
    np.random.seed(123)
    before = np.random.get_state()
    MLP(batch_size=1).train(XOR_inp, XOR_target, 20)
    MLP(batch_size=3, random_state=None).train(XOR_inp, XOR_target, 20).init_weights((2, 1), None)
    after = np.random.get_state()
    assert before[2:] == after[2:]
    np.testing.assert_array_equal(before[1], after[1])


def test_none_is_fresh_entropy():
    one, other = (MLP().init_weights((3, 4, 2), None).weights[0] for _ in range(2))
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("batch_size", [None, 1, 3])
def test_saved_weights_are_true_copies_of_every_epoch(batch_size):
    options = {"layer_sizes": (2,), "batch_size": batch_size, "learning_rate": 1.0}
    m = MLP(**options).train(XOR_inp, XOR_target, 25, save_weights=True)
    assert len(m.saved_weights) == 26
    for epochs in (1, 12, 25):
        other = MLP(**options).train(XOR_inp, XOR_target, epochs)
        for saved, W in zip(m.saved_weights[epochs], other.weights, strict=True):
            np.testing.assert_array_equal(saved, W)
    arrays = [W for weights in m.saved_weights for W in weights] + [*m.weights]
    memory = {(W.__array_interface__["data"][0]) for W in arrays}
    assert len(memory) == len(arrays)
    answers = [m.predict(XOR_inp, weights) for weights in m.saved_weights[::5]]
    assert answers[-1].tolist() == m.predict(XOR_inp).tolist()
    assert not hasattr(m.train(XOR_inp, XOR_target, 2), "saved_weights")


def test_forward_and_backward_as_in_code_2_6():
    m = MLP()
    m.init_weights([2, 2, 1], 0)
    for _ in range(5001):
        A_L = m.forward(XOR_inp)
        m.backward(XOR_target, 1)
    assert np.sum((A_L - XOR_target) ** 2) / 4 == pytest.approx(0.008145708816099705, rel=1e-10)
    assert [A.shape for A in m.outputs] == [(4, 2), (4, 2), (4, 1)]
    np.testing.assert_array_equal(m.outputs[0], XOR_inp)
    np.testing.assert_array_equal(m.outputs[-1], A_L)


def test_fewer_than_ten_epochs_report_every_one(capsys):
    MLP().train(XOR_inp, XOR_target, 3, verbose=1)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("epochs", "expected"), [(25, [*range(0, 25, 2)]), (92, [*range(0, 91, 9), 91])]
)
def test_verbose_reports_where_code_2_6_does(epochs, expected, capsys):
    m = MLP(batch_size=1).train(XOR_inp, XOR_target, epochs, verbose=1)
    lines = capsys.readouterr().out.splitlines()
    assert [int(line.split()[1]) for line in lines] == expected
    assert float(lines[-1].split()[-1]) == m.error_
    m.train(XOR_inp, XOR_target, epochs)
    assert capsys.readouterr().out == ""


def test_one_hot_targets_give_as_many_outputs():
    T = np.eye(3)[[0, 1, 2, 1]]
    m = MLP(layer_sizes=(4,), batch_size=1, learning_rate=2).train(XOR_inp, T, 3000)
    assert m.predict(XOR_inp).tolist() == T.tolist()
    assert m.predict_classes(XOR_inp).tolist() == [0, 1, 2, 1]
    assert m.confmat(XOR_inp, T).tolist() == [[1, 0, 0], [0, 2, 0], [0, 0, 1]]


def test_confusion_matrix_has_the_truth_in_its_rows():
    m = MLP(output_activation="softmax").init_weights((2, 3), 0)
    m.weights[0] = [[0, 0, 0], [1, 0, 0], [0, 1, 0.5]]  # class 0 for x = (1, 0), 1 for (0, 1)
    X, T = [[1, 0], [1, 0], [0, 1]], np.eye(3)[[2, 0, 1]]
    assert m.confmat(X, T).tolist() == [[1, 0, 0], [0, 1, 0], [1, 0, 0]]
    assert MLP().init_weights((2, 1), 0).confmat([[0, 0], [1, 1]], [1, 0]).sum() == 2


def test_binary_confusion_is_tp_fp_fn_tn():
    m = MLP().init_weights((1, 1), 0)
    m.weights[0] = [[0], [1]]  # answers 1 where x > 0
    X = [[1], [1], [1], [1], [-1], [-1], [-1], [-1], [-1], [-1]]
    T = [1, 0, 0, 0, 1, 1, 0, 0, 0, 0]
    assert m.confmat(X, T).tolist() == [[1, 3], [2, 4]]


def test_large_inputs_do_not_overflow():
    for dtype in ("float64", "float32"):
        m = MLP(dtype=dtype, layer_sizes=(3,)).train(XOR_inp * 1e6 - 5e5, XOR_target, 5)
        assert np.isfinite(m.error_)
        A = m.forward(XOR_inp * 1e30)
        assert ((A > 0) & (A < 1)).all()  # of hidden neurons that are 0 or 1
