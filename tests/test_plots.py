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
    return MLP(layer_sizes=3, learning_rate=2, save_weights=True).train(X, T, 90)


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


def assert_is_output(surface, x, y, network, weights=None):
    z = np.asarray(surface.z)
    assert z.shape == (len(y), len(x))
    assert z.dtype == np.float32
    for row, b in zip(z, y, strict=True):
        points = np.array([[a, b] for a in x])
        outputs = network.forward(points, network.weights if weights is None else weights)
        np.testing.assert_allclose(row, outputs.ravel(), rtol=1e-6)
        np.testing.assert_array_equal(row > 0.5, network.predict(points, weights).ravel())


def levels(surface):
    """Return the outputs that have a thin line."""
    contours = surface.contours
    return np.arange(contours.start, contours.end, contours.size)


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


def test_the_surface_is_what_the_network_answers(network):
    figure = plots.decision_boundary(network, X, T, grid=13)
    surface = figure.data[0]
    np.testing.assert_allclose(surface.x, np.linspace(LEFT, RIGHT, 13))
    np.testing.assert_allclose(surface.y, np.linspace(BOTTOM, TOP, 13))
    assert_is_output(surface, surface.x, surface.y, network)


def test_the_surface_lies_the_right_way_round(tilted):
    square = [[0, 0], [1, 1]]
    surface = plots.decision_boundary(tilted, square, [0, 1], grid=3).data[0]
    np.testing.assert_allclose(surface.x, [-0.1, 0.5, 1.1], atol=1e-12)
    predicted = (surface.z > 0.5).astype(int)
    assert predicted.tolist() == [[1, 1, 1], [0, 1, 1], [0, 0, 1]]  # from the lowest y up


def test_the_boundary_is_a_line_at_half_on_the_same_outputs(network):
    surface, boundary = plots.decision_boundary(network, X, T, grid=5).data[:2]
    for axis in "xyz":
        np.testing.assert_array_equal(boundary[axis], surface[axis])
    assert (boundary.contours.start, boundary.contours.end) == (0.5, 0.5)
    assert boundary.contours.coloring == "none"
    assert boundary.line.width > 2 * surface.line.width


def test_the_points_lie_on_top_in_the_colour_of_their_target(network):
    figure = plots.decision_boundary(network, X, T)
    surface, _, zeros, ones = figure.data
    drawn = [trace.type for trace in figure.data]
    assert drawn == ["contour", "contour", "scatter", "scatter"]
    assert (zeros.name, ones.name) == ("target 0", "target 1")
    assert list(zip(zeros.x, zeros.y, strict=True)) == [(-2, 10), (0, 30), (3, 20)]
    assert list(zip(ones.x, ones.y, strict=True)) == [(1, 50), (2, 45)]
    colours = {zeros.marker.color, ones.marker.color, *(c for _, c in surface.colorscale)}
    assert len(colours) == 6
    assert zeros.marker.symbol != ones.marker.symbol


def test_the_colour_tells_the_prediction(network):
    surface = plots.decision_boundary(network, X, T).data[0]
    assert (surface.zmin, surface.zmax) == (0, 1)  # one colour for 0, even where all are 1
    at, colours = zip(*surface.colorscale, strict=True)
    assert at == (0, 0.5, 0.5, 1)  # no shade between those of 0 and those of 1
    red, blue = ([int(c[k : k + 2], 16) for c in colours] for k in (1, 5))
    assert [r > b for r, b in zip(red, blue, strict=True)] == [False, False, True, True]


@pytest.mark.parametrize(
    ("scale", "middle", "lines"),
    [
        (20, 0, [0.2, 0.4, 0.6, 0.8]),
        (0.01, 0, [0.4986, 0.499, 0.4994, 0.4998, 0.5002, 0.5006, 0.501, 0.5014]),
        (0.1, 1, [0.722, 0.726, 0.73, 0.734, 0.738, 0.742]),
        (0, 0, []),
    ],
)
def test_thin_lines_are_at_round_outputs_beside_the_boundary(scale, middle, lines):
    m = by_hand([[scale / 2 - middle], [scale], [0]])  # h is middle ± 0.6 scale
    surface = plots.decision_boundary(m, [[0, 0], [1, 1]], [0, 1], grid=3).data[0]
    drawn = [level for level in levels(surface) if surface.z.min() < level < surface.z.max()]
    np.testing.assert_allclose(drawn, lines, atol=1e-9)


def test_the_axes_end_where_the_surface_does(network):
    figure = plots.decision_boundary(network, X, T, title="Five points")
    np.testing.assert_allclose(figure.layout.xaxis.range, (LEFT, RIGHT))
    np.testing.assert_allclose(figure.layout.yaxis.range, (BOTTOM, TOP))
    titles = (figure.layout.xaxis.title, figure.layout.yaxis.title)
    assert [title.text for title in titles] == ["Input 1", "Input 2"]


def test_the_title_says_how_many_points_are_right_and_the_range_of_outputs(tilted):
    figure = plots.decision_boundary(tilted, [[0, 0], [1, 1], [1, 0]], [0, 1, 1], title="Three")
    title, told = re.sub("</?span[^>]*>", "", figure.layout.title.text).split("<br>")
    assert title == "Three"
    assert told == "2 of 3 points right; outputs from 8.32e-07 to 1"


@pytest.mark.parametrize("point", [[[0.0, 0.0]], [[-7.0, 1e20]]])
def test_one_point_has_a_plane_around_it(tilted, point):
    surface = plots.decision_boundary(tilted, point, [1], grid=3).data[0]
    for axis, coordinate in zip((surface.x, surface.y), point[0], strict=True):
        assert axis[0] < coordinate < axis[-1]
        assert axis[1] == pytest.approx(coordinate)


def test_targets_may_be_a_vector_and_weights_float32():
    m = MLP(layer_sizes=2, dtype="float32").train(X, T.ravel(), 5)
    figure = plots.decision_boundary(m, X.tolist(), T.ravel().tolist(), grid=5)
    surface, _, zeros, ones = figure.data
    assert_is_output(surface, surface.x, surface.y, m)
    assert (len(zeros.x), len(ones.x)) == (3, 2)


def test_a_threshold_network_can_be_drawn():
    m = by_hand(TILTED, output_activation="threshold")
    surface = plots.decision_boundary(m, [[0, 0], [1, 1]], [0, 1], grid=3).data[0]
    assert surface.z.tolist() == [[1, 1, 1], [0, 1, 1], [0, 0, 1]]
    assert all(level > 1 for level in levels(surface))  # no thin line within a step


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
    [(50, [0, 50, 90]), (40, [0, 40, 80, 90]), (90, [0, 90]), (999, [0, 90])],
)
def test_frames_are_every_so_many_epochs_and_the_last(network, every, epochs):
    figure = plots.boundary_animation(network, X, T, every=every, grid=9)
    assert [frame.name for frame in figure.frames] == [str(epoch) for epoch in epochs]
    start = figure.data[0]
    assert_is_output(start, start.x, start.y, network, network.saved_weights[0])
    for epoch, frame in zip(epochs, figure.frames, strict=True):
        surface, boundary = frame.data
        assert_is_output(surface, start.x, start.y, network, network.saved_weights[epoch])
        np.testing.assert_array_equal(boundary.z, surface.z)


def test_a_frame_is_what_a_still_of_its_weights_is(network):
    """Draw the same with the same weights, but for what only an animation has."""
    frame = plots.boundary_animation(network, X, T, grid=9, title="A").frames[-1]
    still = plots.decision_boundary(network, X, T, grid=9, title="A")
    assert frame.layout.title.text == still.layout.title.text
    for moving, standing in zip(frame.data, still.data[:2], strict=True):
        np.testing.assert_array_equal(moving.z, standing.z)
    ours, theirs = (trace.contours for trace in (frame.data[0], still.data[0]))
    assert (ours.start, ours.end, ours.size) == (theirs.start, theirs.end, theirs.size)


def test_the_first_frame_shows_something_though_one_class_is_predicted_everywhere():
    X, T = plots.XOR_INPUTS, plots.XOR_TARGETS
    m = MLP(layer_sizes=(2,), learning_rate=1, save_weights=True).train(X, T, 10)
    figure = plots.boundary_animation(m, X, T)
    start = figure.data[0]
    assert (start.z > 0.5).all()
    drawn = [level for level in levels(start) if start.z.min() < level < start.z.max()]
    assert len(drawn) >= 3  # lines of equal output
    assert start.contours.showlabels is True
    assert "2 of 4 points right; outputs from 0.652 to 0.666" in figure.layout.title.text


def test_the_frames_differ():
    X, T = plots.XOR_INPUTS, plots.XOR_TARGETS
    m = MLP(layer_sizes=(2,), learning_rate=1, save_weights=True).train(X, T, 5001)
    frames = plots.boundary_animation(m, X, T, every=1000, grid=21).frames
    drawn = {np.asarray(frame.data[0].z).tobytes() for frame in frames}
    assert len(drawn) >= 4
    start, end = (plots.boundary_animation(m, X, T, grid=2, every=9999).frames[k] for k in (0, -1))
    assert (start.data[0].z > 0.5).tolist() != [[False, True], [True, False]]
    assert (end.data[0].z > 0.5).tolist() == [[False, True], [True, False]]


def test_frames_replace_the_surface_and_leave_the_points(network):
    figure = plots.boundary_animation(network, X, T, grid=5)
    still = plots.decision_boundary(network, X, T, grid=5)
    assert figure.data[2:] == still.data[2:]
    replaced = [[figure.data[trace].name for trace in frame.traces] for frame in figure.frames]
    assert replaced == [["output", "boundary"]] * 3


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
    assert [step.label for step in slider.steps] == ["0", "50", "90"]
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
@pytest.mark.parametrize("output", ["tanh", "linear", "relu", "exponential"])
def test_the_network_must_predict_0_or_1(draw, output):
    m = MLP(layer_sizes=2, output_activation=output).train(X, T, 2, save_weights=True)
    m.weights[-1][:] = m.saved_weights[0][-1][:] = -0.1  # so that relu is not 0 everywhere
    m.weights[-1][0] = m.saved_weights[0][-1][0] = -0.3
    with pytest.raises(
        ValueError, match=r"^network must predict 0 or 1, with .*; got -?[01]\.\d+$"
    ):
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


NAMES = [
    "index.html",
    "1-threshold.html",
    "2-sigmoid.html",
    "3-threshold-and-sigmoid.html",
    "4-tanh.html",
    "5-activations.html",
    "6-decision-boundary.html",
    "7-boundary-animation.html",
]


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "on" / "demand"
    folder.mkdir(parents=True)
    (folder / "plotly.min.js").write_text("an older one")
    paths = plots.write_all(str(folder))
    assert sorted([*paths, folder / "plotly.min.js"]) == sorted(folder.iterdir())
    assert [path.name for path in paths] == NAMES
    return {path.name: path.read_text("utf-8") for path in [*paths, folder / "plotly.min.js"]}


def test_the_script_is_written_once_and_every_picture_loads_it(pages):
    assert "plotly.js v" in pages["plotly.min.js"][:1000]
    for name in NAMES[1:]:
        assert pages[name].count('src="plotly.min.js"') == 1
        assert "plotly.js v" not in pages[name]


def test_no_page_needs_the_network(pages):
    for name in NAMES:
        page = pages[name]
        assert page.startswith("<!doctype html>")
        assert 'name="viewport" content="width=device-width' in page
        assert not re.search(
            r"<(script|link|img|iframe|a)\b[^>]*\b(src|href)=[\"']?(https?:)?//", page
        )


def test_the_index_shows_and_links_every_picture_with_a_sentence(pages):
    index = pages["index.html"]
    assert re.findall(r'<a href="([^"]+)"', index) == NAMES[1:]
    assert re.findall(r'<iframe src="([^"]+)"', index) == NAMES[1:]
    sentences = re.findall(r"<p>([^<]+)</p>", index)
    assert len(set(sentences)) == 7
    assert all(sentence.endswith(".") for sentence in sentences)


def test_the_index_names_each_picture_as_its_page_does(pages):
    titles = re.findall(r'<a href="([^"]+)">([^<]+)</a>', pages["index.html"])
    for name, title in titles:
        assert f"<title>{title}</title>" in pages[name]


def test_the_animation_is_small_and_waits_for_its_button(pages):
    moving = pages["7-boundary-animation.html"]
    assert len(moving) < 5e6
    assert '"name":"5001"' in moving
    assert "Plotly.addFrames" in moving
    assert "Plotly.animate(" not in moving


def test_pictures_are_of_what_their_names_say(pages):
    titles = {
        "1-threshold.html": "Threshold activation",
        "2-sigmoid.html": "Sigmoid activation",
        "4-tanh.html": "Tanh activation",
        "6-decision-boundary.html": "Decision boundary of XOR",
        "7-boundary-animation.html": "Decision boundary of XOR during training",
    }
    for name, title in titles.items():
        assert re.search(rf'"title":{{[^{{}}]*"text":"{title}["\\]', pages[name])
        assert f"<title>{title}</title>" in pages[name]


def test_all_points_are_right_from_the_epoch_that_the_index_names(pages):
    (epoch,) = re.findall(r"from epoch (\d+) on, two cuts get all four", pages["index.html"])
    frames = pages["7-boundary-animation.html"].rpartition("addFrames")[2]
    told = re.findall(r'(\d) of 4 points right.*?"name":"(\d+)"', frames)
    assert len(told) == 102
    assert next(e for n, e in told if n == "4") == epoch
    assert all(n == "4" for n, e in told if int(e) >= int(epoch))


FIGURES = [
    plots.threshold_activation,
    plots.sigmoid_activation,
    plots.threshold_and_sigmoid,
    plots.tanh_activation,
    plots.activations,
    *(lambda draw=draw: draw(MLP(save_weights=True).train(X, T, 1), X, T) for draw in DRAW),
]


@pytest.mark.parametrize("figure", FIGURES)
def test_a_figure_fills_what_shows_it(figure):
    layout = figure().layout
    assert (layout.width, layout.height) == (None, None)
    assert layout.autosize is True


def test_a_figure_that_a_user_writes_needs_no_other_file(tmp_path):
    plots.sigmoid_activation().write_html(tmp_path / "mine.html")
    page = (tmp_path / "mine.html").read_text("utf-8")
    assert "plotly.js v" in page
    assert "height:100%; width:100%" in page
    assert not re.search(r"<script[^>]*\bsrc=", page)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.html"]


# ---------------------------------------------------------------------------------- the extra


@pytest.mark.parametrize("call", FIGURES)
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
