"""The line on stderr while a call compiles, and the progress of warming up."""

import contextlib
import functools
import io
import os
import sys
import time
from unittest import mock

import numpy as np
import pytest
from cases import DTYPES
from processes import NO_COMPILER, PACKAGE, QUICK, completed

import mlp_fast
from mlp_fast import warming
from mlp_fast.kernels.compile import notice
from mlp_fast.kernels.compile.notice import Notice, is_heard
from mlp_fast.optimizers import OPTIMIZERS
from mlp_fast.paths import PATHS
from mlp_fast.update_rule import PLAIN

LINE = "mlp_fast: compiling, a few seconds for each new way to train or predict; "

CALL = """
def call(notice, *seconds):  # a function of the package, as the frames of its callers tell
    for s in seconds:
        with notice.of_compiling():
            CLOCK.sleep(s)


def call_nested(notice, inner, outer, then):
    with notice.of_compiling():
        with notice.of_compiling():
            CLOCK.sleep(inner)
        CLOCK.sleep(outer)
    with notice.of_compiling():
        CLOCK.sleep(then)
"""


class Clock:
    """What stands for the modules time and threading: it goes on by sleep alone."""

    def __init__(self):
        self.now, self.timers = 100.0, []

    def monotonic(self):
        return self.now

    def Timer(self, seconds, function):
        return Timer(self, seconds, function)

    def sleep(self, seconds):
        self.now += seconds
        for timer in [timer for timer in self.timers if timer.due <= self.now]:
            timer.cancel()
            timer.function()


class Timer:
    def __init__(self, clock, seconds, function):
        self.clock, self.function = clock, function
        self.due = clock.now + seconds

    def start(self):
        assert self.daemon
        self.clock.timers.append(self)

    def cancel(self):
        if self in self.clock.timers:
            self.clock.timers.remove(self)


CLOCK = Clock()
INSIDE = {"__name__": "mlp_fast.some.file", "CLOCK": CLOCK}
exec(CALL, INSIDE)
call, call_nested = INSIDE["call"], INSIDE["call_nested"]


@pytest.fixture
def clock(monkeypatch):
    """Let time pass by CLOCK.sleep alone."""
    monkeypatch.setattr(notice, "time", CLOCK)
    monkeypatch.setattr(notice, "threading", CLOCK)
    yield CLOCK
    assert not CLOCK.timers


class Terminal(io.StringIO):
    def isatty(self):
        return not super().isatty()  # which raises if it is closed


@pytest.fixture
def terminal(monkeypatch, tmp_path):
    """Return what can stand for a terminal, and let the cache be a folder of its own."""
    monkeypatch.delenv("MLP_FAST_QUIET", raising=False)
    monkeypatch.setenv("MLP_FAST_CACHE_DIR", str(tmp_path / "cache"))
    return Terminal()


def heard(test):
    """Let stderr be the terminal; a fixture cannot, for pytest's capture comes after it."""

    @functools.wraps(test)
    def wrapped(**fixtures):
        with contextlib.redirect_stderr(fixtures["terminal"]):
            test(**fixtures)

    return wrapped


@heard
def test_the_line_comes_while_a_call_compiles_and_names_the_folder(terminal, monkeypatch, tmp_path):
    monkeypatch.setattr(notice, "SECONDS", 0.05)
    with Notice().of_compiling():
        assert terminal.getvalue() == ""
        wait_for(terminal)
        (line,) = terminal.getvalue().splitlines()
    assert line.startswith(f"{LINE}its code is kept in {tmp_path / 'cache'}")
    assert os.path.isdir(line.partition(" kept in ")[2])
    assert len(terminal.getvalue().splitlines()) == 1


def wait_for(terminal):
    end = time.monotonic() + 30
    while not terminal.getvalue().endswith("\n") and time.monotonic() < end:
        time.sleep(0.01)


def lines(terminal):
    return terminal.getvalue().count(LINE)


@heard
def test_a_short_one_is_not_worth_a_line(terminal, clock):
    call(Notice(), 0.9)
    with contextlib.suppress(ZeroDivisionError), Notice().of_compiling():
        raise ZeroDivisionError
    clock.sleep(2)
    assert lines(terminal) == 0


@heard
def test_kernels_of_one_call_count_together(terminal, clock):
    call(Notice(), *[0.3] * 5)
    assert lines(terminal) == 1
    call(Notice(), 2, 2, 2)
    assert lines(terminal) == 2


@heard
def test_kernels_of_other_calls_count_anew(terminal, clock):
    several = Notice()
    call(several, 0.6)
    call(several, 0.6)
    call(several, 0.6)
    assert lines(terminal) == 0
    call(several, 2)
    call(several, 2)
    assert lines(terminal) == 2
    for _ in range(2):
        call(several, 2)  # from one place, but not at once
        clock.sleep(0.6)
    assert lines(terminal) == 4
    for _ in range(2):
        call(several, 0.6)
        clock.sleep(0.6)
    assert lines(terminal) == 4


@heard
def test_a_kernel_inside_another_is_not_counted_twice(terminal, clock):
    call_nested(Notice(), 0.6, 0.1, 0.2)
    assert lines(terminal) == 0
    call_nested(Notice(), 0.6, 0.1, 0.4)
    call_nested(Notice(), 0.6, 2, 2)
    assert lines(terminal) == 2


@heard
def test_somebody_else_may_say_it(terminal, clock):
    several = Notice()
    with several.silenced():
        call(several, 2)
    assert lines(terminal) == 0
    call(several, 2)
    assert lines(terminal) == 1


@pytest.mark.parametrize(("value", "says"), [("1", False), ("yes", False), ("0", True), ("", True)])
@heard
def test_the_environment_asks_for_silence(terminal, clock, monkeypatch, value, says):
    monkeypatch.setenv("MLP_FAST_QUIET", value)
    assert is_heard() == says
    call(Notice(), 2)
    assert lines(terminal) == says


@pytest.mark.parametrize("stream", [None, io.StringIO(), "closed"])
@heard
def test_what_is_no_terminal_gets_no_line(terminal, clock, monkeypatch, stream):
    if stream == "closed":
        stream = Terminal()
        stream.close()
    monkeypatch.setattr(sys, "stderr", stream)
    assert not is_heard()
    call(Notice(), 2)
    if stream is not None and not stream.closed:
        assert stream.getvalue() == ""


@heard
def test_where_no_folder_can_be_written_the_line_says_so(terminal, clock, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("MLP_FAST_CACHE_DIR", str(tmp_path / "file" / "below"))
    call(Notice(), 2)
    assert f"{LINE}no folder was found to keep it in" in terminal.getvalue()


SOON = """
from mlp_fast.kernels.compile import notice
notice.SECONDS = 0.01
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_a_process_on_a_terminal_says_it_once_and_not_where_code_is_loaded(tmp_path):
    cache = tmp_path / "cache"
    said = [on_a_terminal(SOON + QUICK, cache), on_a_terminal(SOON + QUICK, cache)]
    (kept,) = cache.iterdir()
    assert said == [f"{LINE}its code is kept in {kept}\n", ""]
    assert [*kept.glob("*triple*.nbc")]
    other = tmp_path / "other"
    assert on_a_terminal(SOON + QUICK, other, MLP_FAST_QUIET="1") == ""
    assert completed(SOON + QUICK, other.parent / "third").stderr == ""


def on_a_terminal(code, cache, **environment):
    """Run code in a process whose stderr is a terminal; return what it writes there."""
    import pty

    ours, theirs = pty.openpty()
    try:
        completed(code, cache, stderr=theirs, **environment)
    finally:
        os.close(theirs)
    said = b""
    with contextlib.suppress(OSError):  # nobody has the other end any more
        while chunk := os.read(ours, 4096):
            said += chunk
    os.close(ours)
    return said.decode().replace("\r\n", "\n")


# --------------------------------------------------------------------------------------- warming up


def warmed(*arguments, **named):
    """Return the paths and dtypes that are followed."""
    with (
        mock.patch.object(warming, "follow") as followed,
        mock.patch.object(warming, "compile_rules"),
    ):
        mlp_fast.warmup(*arguments, **named)
    return [(call.args[0], call.args[2]) for call in followed.call_args_list]


@pytest.mark.parametrize("dtypes", ["float32", ["float32"], ("float64", np.float32)])
@pytest.mark.parametrize(
    ("uses", "calls"),
    [
        ("online", {"train"}),
        (["batch"], {"train", "accumulate", "descend"}),
        ("predict", {"predict", "recall", "evaluate"}),
        (("step",), {"step", "forward", "backward", "input_gradient"}),
        (["online", "sparse"], {"train"}),
        (
            ["predict", "batch", "sparse"],
            {"train", "accumulate", "descend", "predict", "recall", "evaluate"},
        ),
        (["online", "rules"], {"train"}),
        (["batch", "sparse", "rules"], {"train", "accumulate", "descend"}),
        (["step", "rules"], {"step", "forward", "backward", "input_gradient"}),
    ],
)
def test_warmup_follows_the_paths_of_the_uses_it_is_told(dtypes, uses, calls):
    followed = warmed(dtypes, uses)
    told = {dtypes} if isinstance(dtypes, str) else {np.dtype(dtype).name for dtype in dtypes}
    assert {dtype for _, dtype in followed} == told
    assert {path.call for path, _ in followed} == calls
    for path in PATHS:
        train = path.call == "train"
        online = path.example.batch_size == 1
        wanted = path.call in calls and (not path.example.sparse or "sparse" in uses)
        wanted = wanted and (path.rules == PLAIN or "rules" in uses)
        wanted = wanted and not (train and "online" not in uses and online)
        wanted = wanted and not (train and "batch" not in uses and not online)
        for dtype in path.example.dtypes:
            assert ((path, dtype) in followed) == (wanted and dtype in told)


def test_every_path_has_a_use_that_may_be_told():
    for path in PATHS:
        assert warming.uses_of(path) <= {*warming.USES}
        assert warming.uses_of(path) - {"sparse", "rules"}


@pytest.mark.parametrize("uses", ["batch", ["step", "rules"]])
def test_warmup_compiles_every_rule_if_rules_are_a_use_of_it(uses):
    with (
        mock.patch.object(warming, "follow"),
        mock.patch.object(warming, "step_of") as compiled,
    ):
        mlp_fast.warmup("float32", uses)
    rules = [(call.args[0].name, call.args[1].dtype.name) for call in compiled.call_args_list]
    assert rules == [(name, "float32") for name in OPTIMIZERS if "rules" in uses]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("float16",), "dtype must be one of 'float64', 'float32'; got 'float16'"),
        ((["float32", "half"],), "dtype must be one of"),
        ((DTYPES, "training"), "uses must be some of 'online', .* 'sparse'.*; got 'training'"),
        ((DTYPES, ["online", 3]), r"uses must be some of .*; got \['online', 3\]"),
        (([],), r"dtypes must be some of 'float64', 'float32'; got \[\]"),
        ((None,), "dtypes must be one value or a sequence of them; got None"),
        ((DTYPES, 3), "uses must be one value or a sequence of them; got 3"),
        ((DTYPES, [["online"]]), r"uses must be some of .*; got \[\['online'\]\]"),
        ((DTYPES, "sparse"), "more than 'sparse' and 'rules' alone; got 'sparse'"),
        ((DTYPES, "rules"), "more than 'sparse' and 'rules' alone; got 'rules'"),
        ((DTYPES, ["rules", "sparse"]), "more than 'sparse' and 'rules' alone; got"),
        ((DTYPES, []), r"uses must be some of .*; got \[\]"),
    ],
)
def test_warmup_checks_what_it_is_told_before_anything_compiles(arguments, message):
    with (
        mock.patch.object(warming, "follow") as followed,
        pytest.raises(ValueError, match=message),
    ):
        mlp_fast.warmup(*arguments)
    assert not followed.called


@pytest.mark.parametrize("has_tqdm", [True, False])
@heard
def test_warmup_shows_how_far_it_is(terminal, monkeypatch, has_tqdm):
    if not has_tqdm:
        monkeypatch.setitem(sys.modules, "tqdm", None)
    n = len(warmed("float64", "predict"))
    said = terminal.getvalue()
    assert (f"{n}/{n}" in said) == has_tqdm
    assert (f"{n} of {n}: recall, rows, float64" in said) != has_tqdm
    monkeypatch.setenv("MLP_FAST_QUIET", "1")
    warmed("float64", "predict")
    assert terminal.getvalue() == said


WARMED = """
import numpy as np
import mlp_fast
mlp_fast.warmup("float64", "predict")
{refuse}
m = mlp_fast.MLP().init_weights((3, 4, 2))
print(m.predict(np.ones((1, 3))).shape, m.predict(np.ones((9, 3))).shape)
print(m.predict_proba([[1, 2, 3]]).shape)
try:
    mlp_fast.MLP(dtype="float32").init_weights((3, 4, 2)).predict(np.ones((1, 3)))
except AssertionError as error:
    print(error)
"""


def test_after_warmup_its_uses_compile_nothing_and_others_do(tmp_path):
    code = WARMED.format(refuse=NO_COMPILER)
    assert completed(code, tmp_path / "cache", PACKAGE.parent).stdout.splitlines() == [
        "(1, 2) (9, 2)",
        "(1, 2)",
        "the compiler was called",
    ]
