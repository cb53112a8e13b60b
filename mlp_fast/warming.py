"""Compile kernels ahead of time, for instance when a container image is built."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

import numpy as np

from mlp_fast.boundary.csr import canonical
from mlp_fast.boundary.rows import csr_rows
from mlp_fast.extras import extra
from mlp_fast.kernels.compile.notice import NOTICE, is_heard
from mlp_fast.mlp import MLP
from mlp_fast.net import Net
from mlp_fast.options import DTYPES, Dtype, items
from mlp_fast.paths import PATHS, Path
from mlp_fast.rule_state import RuleState, step_of
from mlp_fast.update_rule import PLAIN

Use = Literal["online", "batch", "predict", "step", "sparse", "rules"]

USES: tuple[Use, ...] = ("online", "batch", "predict", "step", "sparse", "rules")

Job = tuple[Path, MLP, str]


def warmup(dtypes: "Dtype | Sequence[Dtype]" = DTYPES, uses: Use | Sequence[Use] = USES) -> None:
    """Compile or load kernels, and keep the machine code on disk for later processes.

    Calling it is optional: kernels are compiled when they are first needed. If stderr is a
    terminal, and the environment variable ``MLP_FAST_QUIET`` is not 1, it shows how far it is.

    Parameters
    ----------
    dtypes : {'float64', 'float32'} or sequence of them, default both
        The dtypes to compile for.
    uses : {'online', 'batch', 'predict', 'step', 'sparse', 'rules'} or several, default all
        What to compile for: training with ``batch_size=1`` or in batches, of networks of any size,
        the latter with `MLP.gradient`; `MLP.predict` and what it shares with others that answer,
        validation and `MLP.loss`; `MLP.step`, `MLP.forward`, `MLP.backward` and
        `MLP.input_gradient`. With 'sparse', sparse rows, too, and with 'rules', other update rules
        than plain gradient descent, for those of the others that are given.

    Raises
    ------
    ValueError
        If a dtype or a use is unknown, or 'sparse' is alone.

    Examples
    --------
    >>> import mlp_fast
    >>> mlp_fast.warmup("float64", uses=["online", "predict"])
    """
    told = [dtypes] if isinstance(dtypes, str | type | np.dtype) else items("dtypes", dtypes)
    wanted = [uses] if isinstance(uses, str) else items("uses", uses)
    if not told:
        raise ValueError(f"dtypes must be some of {', '.join(map(repr, DTYPES))}; got {dtypes!r}")
    if any(use not in USES for use in wanted) or not {*wanted} - {"sparse", "rules"}:
        raise ValueError(
            f"uses must be some of {', '.join(map(repr, USES))}, more than 'sparse' and 'rules' "
            f"alone; got {uses!r}"
        )
    networks = [MLP(dtype=dtype) for dtype in told]  # check all dtypes before compiling
    jobs = [
        (path, m, m.settings.dtype)
        for m in networks
        for path in PATHS
        if m.settings.dtype in path.example.dtypes and uses_of(path).issubset(wanted)
    ]
    with NOTICE.silenced():
        for path, m, dtype in _shown(jobs):
            follow(path, m, dtype)
        for m in networks if "rules" in wanted else ():
            compile_rules(m)


def uses_of(path: Path) -> set[Use]:
    """Return what a path is needed for."""
    use: Use = "step"
    if path.call == "train":
        use = "online" if path.example.batch_size == 1 else "batch"
    elif path.call in ("accumulate", "descend"):
        use = "batch"
    elif path.call in ("evaluate", "predict", "recall"):
        use = "predict"
    uses = {use}
    if path.example.sparse:
        uses.add("sparse")
    if path.rules != PLAIN:
        uses.add("rules")
    return uses


def _shown(jobs: list[Job]) -> Iterable[Job]:
    """Return the jobs, and show how many are done, if there is somebody to see it."""
    if not is_heard():
        return jobs
    try:
        bar: Iterable[Job] = extra("tqdm", "progress").tqdm(jobs, "compiling or loading")
    except ImportError:
        return _counted(jobs)
    return bar


def _counted(jobs: list[Job]) -> Iterator[Job]:
    for i, job in enumerate(jobs):
        path, _, dtype = job
        print(f"{i + 1} of {len(jobs)}: {path.call}, {path.name}, {dtype}", file=sys.stderr)
        yield job


def compile_rules(m: MLP) -> None:
    """Compile or load the kernel of every update rule, which no path is compiled with."""
    from mlp_fast.optimizers import OPTIMIZERS

    net = Net.fresh(m.settings, (1, 1), 0, vector=False)
    for rule in OPTIMIZERS.values():
        optimizer, layout = rule(), net.layout
        state = RuleState.fresh(optimizer, layout).for_kernels(optimizer, layout, penalty=False)
        step_of(optimizer, net.theta, state)


def follow(path: Path, m: MLP, dtype: str) -> None:
    """Make the call that a path serves, on the path's example."""
    sizes, k, batch_size, sparse, _, optimizer, weighted = path.example
    X: Any = np.ones((k, sizes[0]), dtype)
    T = np.zeros((k, sizes[-1]))
    if sparse:
        ones = np.ones(k, dtype), np.zeros(k, np.int32), np.arange(k + 1)
        X = csr_rows(*canonical(*ones, X.shape), sizes[0])
    if path.call == "train":
        hidden = sizes[1:-1]
        m.train(X, T, 1, layer_sizes=hidden, batch_size=batch_size, optimizer=optimizer)
        for _ in range(0 if sparse else 2):  # the first makes what the second takes
            m.partial_train(X, T.astype(dtype))
        return
    if path.call in ("accumulate", "descend"):
        chunk = (X, T, np.full(k, 2.0)) if weighted else (X, T)
        m.train([chunk], epochs=1, layer_sizes=sizes[1:-1], optimizer=optimizer)
        return
    m = MLP(dtype=dtype, optimizer=optimizer).init_weights(sizes)
    if path.call in ("evaluate", "input_gradient"):
        m.loss(X, T) if path.call == "evaluate" else m.input_gradient(X, T)
        return
    if path.call == "step":
        m.step(X[0], T[0])
    elif path.call in ("forward", "backward"):
        m.forward(X)
        m.backward(T)
    else:
        m.predict(X)
