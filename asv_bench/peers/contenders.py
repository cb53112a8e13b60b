"""Who takes part in which kind of row, by name, and what makes its run: a file and a name in it."""

import importlib
from collections.abc import Callable

from threadpoolctl import threadpool_limits

from peers.job import Job, Run

Maker = Callable[[Job], Run]

CONTENDERS = {
    "online": {
        "mlp_fast": "ours.trainer",
        "C, any sizes": "c.any_sizes",
        "C, these sizes": "c.these_sizes",
        "lab": "lab.trainer",
        "JAX": "jax_scan.online",
        "PyTorch eager": "torch_peer.eager",
        "PyTorch compiled": "torch_peer.compiled",
        "PyTorch by hand": "torch_peer.by_hand",
        "NumPy by hand": "numpy_peer.by_hand",
        "NumPy reference": "numpy_peer.reference",
        "scikit-learn": "sklearn_peer.trainer",
        "FANN": "fann_peer.trainer",
        "floor": "floor.walk",
    },
    "batch": {
        "mlp_fast": "ours.trainer",
        "JAX": "jax_scan.batch",
        "PyTorch eager": "torch_peer.eager",
        "PyTorch compiled": "torch_peer.compiled",
        "PyTorch by hand": "torch_peer.by_hand",
        "NumPy by hand": "numpy_peer.by_hand",
        "NumPy reference": "numpy_peer.reference",
        "bare products": "numpy_peer.bare_products",
        "scikit-learn": "sklearn_peer.trainer",
    },
    "predict": {
        "mlp_fast": "ours.predictor",
        "JAX": "jax_scan.predictor",
        "PyTorch": "torch_peer.predictor",
        "NumPy by hand": "numpy_peer.predictor",
        "scikit-learn": "sklearn_peer.predictor",
        "FANN": "fann_peer.predictor",
    },
    "step": {
        "mlp_fast": "ours.stepper",
        "JAX": "jax_scan.stepper",
        "PyTorch eager": "torch_peer.eager",
        "PyTorch by hand": "torch_peer.by_hand",
        "NumPy by hand": "numpy_peer.by_hand",
        "scikit-learn": "sklearn_peer.stepper",
        "FANN": "fann_peer.stepper",
    },
    "shuffled": {
        "mlp_fast": "ours.trainer",
        "mlp_fast, shuffled": "ours.shuffling_trainer",
    },
}


def makers(kind: str, name: str) -> tuple[Maker, ...]:
    """Return what makes a contender's run: one maker, or several, the fastest of which counts.

    Raises
    ------
    NotImplementedError
        If the peer is not installed.
    """
    file, _, attribute = CONTENDERS[kind][name].partition(".")
    try:
        module = importlib.import_module(f"peers.{file}")
    except ImportError as reason:
        raise NotImplementedError(f"not installed ({reason})") from reason
    threadpool_limits(1)  # of what the peer has loaded
    found = getattr(module, attribute)
    return found if isinstance(found, tuple) else (found,)


def versions() -> list[str]:
    """Return the versions of all peers that are installed."""
    paths = (path for table in CONTENDERS.values() for path in table.values())
    found = []
    for file in dict.fromkeys(path.partition(".")[0] for path in paths):
        try:
            module = importlib.import_module(f"peers.{file}")
        except ImportError:
            continue
        if hasattr(module, "version"):
            found.append(module.version())
    return found
