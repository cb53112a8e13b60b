"""The pictures: what is drawn, not how it looks."""

import re
import subprocess
import sys

import numpy as np
import pytest

from mlp_fast import MLP, NotFittedError, plots

pytest.importorskip("plotly")

SIGMOID_1, TANH_1 = 0.7310585786300049, 0.7615941559557649

# the inputs' ranges differ, and so does what moving along each of them changes
X = np.array([[-2.0, 10.0], [0.0, 30.0], [3.0, 20.0], [1.0, 50.0], [2.0, 45.0]])
T = np.array([[0], [0], [0], [1], [1]])
LEFT, RIGHT, BOTTOM, TOP = -2.5, 3.5, 6.0, 54.0  # a tenth beyond the points

TILTED = [[-10], [20], [-20]]  # 1 where 10 + 20 x - 20 y > 0, x and y the inputs

DRAW = [plots.decision_boundary, plots.boundary_animation]


@pytest.fixture(scope="module")
def network():
    return MLP(layer_sizes=3, learning_rate=2, save_weights=True).train(X, T, 120)


@pytest.fixture(scope="module")
def tilted():
    return by_hand(TILTED)


def by_hand(W, **options):
    m = MLP(layer_sizes=(), **options).init_weights((2, 1))
    m.weights = [np.array(W, dtype=float)]
    return m


def value(curve, x):
    """Return y of a curve at one of its points."""
    (index,) = np.flatnonzero(np.isclose(curve.x, x, rtol=0, atol=1e-9))
    return curve.y[index]


def assert_is_prediction(heatmap, x, y, network, weights=None):
    z = np.asarray(heatmap.z)
    assert z.shape == (len(y), len(x))
    assert z.dtype == np.int8
    for row, b in zip(z, y, strict=True):
        points = np.array([[a, b] for a in x])
        np.testing.assert_array_equal(row, network.predict(points, weights).ravel())


# ---------------------------------------------------------------------------------- activations


@pytest.mark.parametrize(
    ("figure", "name", "low", "at_0", "at_1"),
    [
        (plots.threshold_activation, "Threshold", 0, 0, 1),
        (plots.sigmoid_activation, "Sigmoid", 0, 0.5, SIGMOID_1),
        (plots.tanh_activation, "Tanh", -1, 0, TANH_1),
    ],
)
def test_one_activation(figure, name, low, at_0, at_1):
    figure = figure()
    (curve,) = figure.data
    assert (curve.x[0], curve.x[-1]) == (-100, 100)
    drawn = [value(curve, x) for x in (-100, 0, 1, 100)]
    assert drawn == pytest.approx([low, at_0, at_1, 1], abs=1e-15)
    assert figure.layout.title.text == f"{name} activation"
    assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == ("x", "g(x)")


@pytest.mark.parametrize("figure", [plots.threshold_activation, plots.activations])
def test_the_threshold_rises_at_0_and_not_beside_it(figure):
    curve = figure().data[0]
    assert value(curve, 0) == 0
    assert curve.y[np.flatnonzero(curve.x > 0)[0]] == 1
    assert curve.line.shape == "vh"  # from a point up, then right


@pytest.mark.parametrize("figure", [plots.sigmoid_activation, plots.tanh_activation])
def test_a_smooth_curve_is_fine_enough_to_be_right(figure):
    (curve,) = figure().data
    assert np.diff(curve.x).max() <= 0.1 + 1e-9
    assert np.diff(curve.y).min() >= 0
    assert np.diff(curve.y).max() < 0.1
    assert curve.line.simplify is False


def test_beta_is_the_steepness_of_the_sigmoid():
    figure = plots.sigmoid_activation(beta=0.1)
    assert value(figure.data[0], 10) == pytest.approx(SIGMOID_1)
    assert figure.layout.title.text == "Sigmoid activation, β = 0.1"


@pytest.mark.parametrize("beta", [0, -1, np.inf, np.nan, "1", True])
def test_beta_is_checked(beta):
    with pytest.raises(ValueError, match=r"^beta must be .* above 0; got"):
        plots.sigmoid_activation(beta)


def test_threshold_beside_sigmoid():
    figure = plots.threshold_and_sigmoid()
    threshold, sigmoid = figure.data
    assert [value(threshold, x) for x in (-10, 0, 1, 10)] == [0, 0, 1, 1]
    assert value(sigmoid, 1) == pytest.approx(SIGMOID_1)
    titles = [annotation.text for annotation in figure.layout.annotations]
    assert titles == ["Threshold activation", "Sigmoid activation"]
    assert (threshold.xaxis, sigmoid.xaxis) == ("x", "x2")
    assert figure.layout.xaxis.domain[1] < figure.layout.xaxis2.domain[0]
    assert figure.layout.yaxis2.matches == "y"
    assert figure.layout.showlegend is False


def test_three_activations_in_one():
    figure = plots.activations()
    assert [curve.name for curve in figure.data] == ["Threshold", "Sigmoid", "Tanh"]
    assert [value(curve, 1) for curve in figure.data] == pytest.approx([1, SIGMOID_1, TANH_1])
    assert [value(curve, -10) for curve in figure.data] == pytest.approx([0, 0, -1], abs=1e-4)
    assert len({curve.line.color for curve in figure.data}) == 3


# ---------------------------------------------------------------------------------- the boundary


def test_the_heatmap_is_what_the_network_predicts(network):
    figure = plots.decision_boundary(network, X, T, grid=13)
    heatmap = figure.data[0]
    np.testing.assert_allclose(heatmap.x, np.linspace(LEFT, RIGHT, 13))
    np.testing.assert_allclose(heatmap.y, np.linspace(BOTTOM, TOP, 13))
    assert_is_prediction(heatmap, heatmap.x, heatmap.y, network)


def test_the_heatmap_lies_the_right_way_round(tilted):
    square = [[0, 0], [1, 1]]
    heatmap = plots.decision_boundary(tilted, square, [0, 1], grid=3).data[0]
    np.testing.assert_allclose(heatmap.x, [-0.1, 0.5, 1.1], atol=1e-12)
    assert heatmap.z.tolist() == [[1, 1, 1], [0, 1, 1], [0, 0, 1]]  # from the lowest y up


def test_the_points_lie_on_top_in_the_colour_of_their_target(network):
    figure = plots.decision_boundary(network, X, T)
    heatmap, zeros, ones = figure.data
    assert (heatmap.type, zeros.type, ones.type) == ("heatmap", "scatter", "scatter")
    assert (zeros.name, ones.name) == ("target 0", "target 1")
    assert list(zip(zeros.x, zeros.y, strict=True)) == [(-2, 10), (0, 30), (3, 20)]
    assert list(zip(ones.x, ones.y, strict=True)) == [(1, 50), (2, 45)]
    colours = {zeros.marker.color, ones.marker.color, *(c for _, c in heatmap.colorscale)}
    assert len(colours) == 4
    assert zeros.marker.symbol != ones.marker.symbol
    assert (heatmap.zmin, heatmap.zmax) == (0, 1)  # one colour for 0, even where all are 1


def test_the_axes_end_where_the_heatmap_does(network):
    figure = plots.decision_boundary(network, X, T, title="Five points")
    np.testing.assert_allclose(figure.layout.xaxis.range, (LEFT, RIGHT))
    np.testing.assert_allclose(figure.layout.yaxis.range, (BOTTOM, TOP))
    titles = (figure.layout.title, figure.layout.xaxis.title, figure.layout.yaxis.title)
    assert [title.text for title in titles] == ["Five points", "Input 1", "Input 2"]


@pytest.mark.parametrize("point", [[[0.0, 0.0]], [[-7.0, 1e20]]])
def test_one_point_has_a_plane_around_it(tilted, point):
    heatmap = plots.decision_boundary(tilted, point, [1], grid=3).data[0]
    for axis, coordinate in zip((heatmap.x, heatmap.y), point[0], strict=True):
        assert axis[0] < coordinate < axis[-1]
        assert axis[1] == pytest.approx(coordinate)


def test_targets_may_be_a_vector_and_weights_float32():
    m = MLP(layer_sizes=2, dtype="float32").train(X, T.ravel(), 5)
    figure = plots.decision_boundary(m, X.tolist(), T.ravel().tolist(), grid=5)
    heatmap, zeros, ones = figure.data
    assert_is_prediction(heatmap, heatmap.x, heatmap.y, m)
    assert (len(zeros.x), len(ones.x)) == (3, 2)


def test_a_threshold_network_can_be_drawn():
    m = by_hand(TILTED, output_activation="threshold")
    heatmap = plots.decision_boundary(m, [[0, 0], [1, 1]], [0, 1], grid=3).data[0]
    assert heatmap.z.tolist() == [[1, 1, 1], [0, 1, 1], [0, 0, 1]]


def test_drawing_leaves_the_network_as_it_was():
    m = MLP(layer_sizes=2, save_weights=True).train(X, T, 3)
    before = m.weights.copy()
    m.forward(X)
    for draw in DRAW:
        draw(m, X, T, grid=4)
    for W, B in zip(m.weights, before, strict=True):
        np.testing.assert_array_equal(W, B)
    m.backward(T)  # still goes with the forward before the pictures
    assert (m.weights[0] != before[0]).any()


# ---------------------------------------------------------------------------------- the animation


@pytest.mark.parametrize(
    ("every", "epochs"),
    [(50, [0, 50, 100, 120]), (40, [0, 40, 80, 120]), (120, [0, 120]), (999, [0, 120])],
)
def test_frames_are_every_so_many_epochs_and_the_last(network, every, epochs):
    figure = plots.boundary_animation(network, X, T, every=every, grid=9)
    assert [frame.name for frame in figure.frames] == [str(epoch) for epoch in epochs]
    start = figure.data[0]
    assert_is_prediction(start, start.x, start.y, network, network.saved_weights[0])
    for epoch, frame in zip(epochs, figure.frames, strict=True):
        (heatmap,) = frame.data
        weights = network.saved_weights[epoch]
        assert_is_prediction(heatmap, start.x, start.y, network, weights)


def test_the_frames_differ():
    X, T = plots.XOR_INPUTS, plots.XOR_TARGETS
    m = MLP(layer_sizes=(2,), learning_rate=1, save_weights=True).train(X, T, 5001)
    frames = plots.boundary_animation(m, X, T, every=1000, grid=21).frames
    drawn = {np.asarray(frame.data[0].z).tobytes() for frame in frames}
    assert len(drawn) >= 4
    start, end = (plots.boundary_animation(m, X, T, grid=2, every=9999).frames[k] for k in (0, -1))
    assert start.data[0].z.tolist() != [[0, 1], [1, 0]]
    assert end.data[0].z.tolist() == [[0, 1], [1, 0]]


def test_frames_replace_the_heatmap_and_leave_the_points(network):
    figure = plots.boundary_animation(network, X, T, grid=5)
    still = plots.decision_boundary(network, X, T, grid=5)
    assert figure.data[1:] == still.data[1:]
    replaced = [[figure.data[trace].type for trace in frame.traces] for frame in figure.frames]
    assert replaced == [["heatmap"]] * 4


def test_the_buttons_play_and_stop(network):
    (menu,) = plots.boundary_animation(network, X, T, grid=5).layout.updatemenus
    assert [button.label for button in menu.buttons] == ["Play", "Stop"]
    assert {button.method for button in menu.buttons} == {"animate"}
    (play, how), (stop, how_to_stop) = (button.args for button in menu.buttons)
    assert play is None  # all frames
    assert how["frame"]["duration"] > 0
    assert how["frame"]["redraw"] is True
    assert how["fromcurrent"] is True
    assert list(stop) == [None]  # no frame, at once
    assert how_to_stop["mode"] == "immediate"


def test_the_slider_has_a_step_for_every_frame(network):
    figure = plots.boundary_animation(network, X, T, grid=5)
    (slider,) = figure.layout.sliders
    assert [step.label for step in slider.steps] == ["0", "50", "100", "120"]
    assert {step.method for step in slider.steps} == {"animate"}
    shown = [list(step.args[0]) for step in slider.steps]
    assert shown == [[frame.name] for frame in figure.frames]
    assert all(step.args[1]["mode"] == "immediate" for step in slider.steps)
    assert slider.currentvalue.prefix == "Epoch "


def test_an_animation_needs_saved_weights():
    m = MLP(layer_sizes=2).train(X, T, 3)
    with pytest.raises(ValueError, match=r"saved_weights: .*train\(\.\.\., save_weights=True\)"):
        plots.boundary_animation(m, X, T)


@pytest.mark.parametrize("every", [0, -50, 2.5, True, None])
def test_every_is_checked(network, every):
    with pytest.raises(ValueError, match=f"^every must be an integer of 1 or more; got {every}"):
        plots.boundary_animation(network, X, T, every=every)


# ---------------------------------------------------------------------------------- both


@pytest.mark.parametrize("draw", DRAW)
@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ((3, 1), "network must have two inputs; got a network with 3"),
        ((2, 3), "network must have one output; got a network with 3"),
    ],
)
def test_the_networks_shape_is_checked(draw, sizes, message):
    m = MLP(layer_sizes=2).train(np.eye(sizes[0]), np.eye(*sizes), 2, save_weights=True)
    with pytest.raises(ValueError, match=f"^{message}$"):
        draw(m, X, T)


@pytest.mark.parametrize("draw", DRAW)
def test_the_network_must_have_weights(draw):
    with pytest.raises(NotFittedError):
        draw(MLP(), X, T)


@pytest.mark.parametrize("draw", DRAW)
@pytest.mark.parametrize("output", ["tanh", "linear", "relu"])
def test_the_network_must_predict_0_or_1(draw, output):
    m = MLP(layer_sizes=2, output_activation=output).train(X, T, 2, save_weights=True)
    m.weights[-1][:] = m.saved_weights[0][-1][:] = -0.1  # so that relu is not 0 everywhere
    m.weights[-1][0] = m.saved_weights[0][-1][0] = -0.3
    with pytest.raises(ValueError, match=r"^network must predict 0 or 1, with .*; got -?0\.\d+$"):
        draw(m, X, T)


@pytest.mark.parametrize("draw", DRAW)
@pytest.mark.parametrize(
    ("X", "T", "message"),
    [
        (X[:, :1], T, "X must have 2 columns, one for each input of the network; got 1"),
        (X[0], T, "X must be 2-D"),
        (X * np.nan, T, "X must be finite; got nan"),
        (X, T[:-1], "T must have as many rows as X; got 4 and 5"),
        (X, np.eye(5)[:, :2], "T must have 1 columns"),
        (X, T * 2 - 1, "T must hold 0 and 1 only; got -1"),
        (X, T * 0.5, "T must hold 0 and 1 only; got 0.5"),
    ],
)
def test_the_data_is_checked(network, draw, X, T, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        draw(network, X, T)


@pytest.mark.parametrize("draw", DRAW)
@pytest.mark.parametrize("grid", [1, 0, 10.0, True, "9"])
def test_grid_is_checked(network, draw, grid):
    with pytest.raises(ValueError, match=f"^grid must be an integer of 2 or more; got {grid!r}"):
        draw(network, X, T, grid=grid)


# ---------------------------------------------------------------------------------- the files


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "on" / "demand"
    paths = plots.write_all(str(folder))
    assert sorted(paths) == sorted(folder.iterdir())
    return {path.name: path.read_text("utf-8") for path in paths}


def test_seven_files_are_written(pages):
    assert list(pages) == [
        "1-threshold.html",
        "2-sigmoid.html",
        "3-threshold-and-sigmoid.html",
        "4-tanh.html",
        "5-activations.html",
        "6-decision-boundary.html",
        "7-boundary-animation.html",
    ]


def test_every_file_is_a_page_that_needs_no_other(pages):
    for page in pages.values():
        assert "<html>" in page[:100]
        assert "plotly.js v" in page  # the library itself
        assert not re.search(
            r"<(script|link|img|iframe)\b[^>]*\b(src|href)=[\"']?(https?:)?//", page
        )


def test_the_animation_is_small_and_waits_for_its_button(pages):
    still, moving = pages["6-decision-boundary.html"], pages["7-boundary-animation.html"]
    assert len(moving) - len(still) < 3e6
    assert '"name":"5001"' in moving
    assert "Plotly.addFrames" in moving
    ours = moving.rpartition("Plotly.newPlot(")[2]
    assert "Plotly.animate(" not in ours


def test_pictures_are_of_what_their_names_say(pages):
    titles = {
        "1-threshold.html": "Threshold activation",
        "2-sigmoid.html": "Sigmoid activation",
        "4-tanh.html": "Tanh activation",
        "6-decision-boundary.html": "Decision boundary of XOR",
        "7-boundary-animation.html": "Decision boundary of XOR during training",
    }
    for name, title in titles.items():
        assert f'"title":{{"text":"{title}"}}' in pages[name]


# ---------------------------------------------------------------------------------- the extra


@pytest.mark.parametrize(
    "call",
    [
        plots.threshold_activation,
        plots.sigmoid_activation,
        plots.threshold_and_sigmoid,
        plots.tanh_activation,
        plots.activations,
        *(lambda draw=draw: draw(MLP(save_weights=True).train(X, T, 1), X, T) for draw in DRAW),
    ],
)
def test_without_plotly_the_error_names_the_extra(monkeypatch, call):
    for module in ("plotly", "plotly.graph_objects", "plotly.subplots"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=r"needs plotly.*pip install 'mlp_fast\[plot\]'"):
        call()


def test_without_plotly_nothing_is_written(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    with pytest.raises(ImportError, match=r"mlp_fast\[plot\]"):
        plots.write_all(tmp_path / "new")
    assert not list(tmp_path.iterdir())


def test_importing_the_module_does_not_import_plotly():
    code = "import sys, mlp_fast.plots; print(sorted(m for m in sys.modules if 'plotly' in m))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "[]"
