"""Who takes part in which kind of row, by name: a file, and a class in it."""

import importlib

from threadpoolctl import threadpool_limits

from peers.peer import Peer

TRAINED = {
    "JAX": "jax_scan.Scan",
    "PyTorch eager": "torch_peer.Eager",
    "PyTorch compiled": "torch_peer.Compiled",
    "PyTorch by hand": "torch_peer.ByHand",
    "NumPy by hand": "numpy_peer.ByHand",
    "scikit-learn": "sklearn_peer.Fit",
}
RULES = {
    "mlp_fast, plain": "ours.Plain",
    "mlp_fast": "ours.Training",
    "JAX": "jax_scan.Scan",
    "JAX, Optax": "jax_scan.ScanOptax",
    "PyTorch eager": "torch_peer.Eager",
    "PyTorch compiled": "torch_peer.Compiled",
    "PyTorch by hand": "torch_peer.ByHand",
    "scikit-learn": "sklearn_peer.Fit",
}
CALLED = {
    "mlp_fast": "ours.ByCall",
    "JAX": "jax_scan.ByCall",
    "PyTorch eager": "torch_peer.Eager",
    "NumPy by hand": "numpy_peer.ByHand",
    "scikit-learn": "sklearn_peer.ByCall",
    "FANN": "fann_peer.ByCall",
}
OURS = {"mlp_fast": "ours.Training"}
CONTENDERS = {
    "online": {**OURS, "C": "c.Compiled", **TRAINED, "FANN": "fann_peer.Epochs"},
    "batch": {**OURS, **TRAINED},
    "rule": RULES,
    "weighted": {"mlp_fast, plain": "ours.Plain", **OURS},
    "sparse": {
        "mlp_fast, dense": "ours.Dense",
        "mlp_fast, sparse": "ours.Training",
        "PyTorch CSR": "torch_sparse.Csr",
        "PyTorch EmbeddingBag": "torch_sparse.EmbeddingBag",
        "scikit-learn": "sklearn_peer.Fit",
    },
    "predict": CALLED,
    "step": {**CALLED, "PyTorch by hand": "torch_peer.ByHand"},
    "shuffled": {**OURS, "mlp_fast, shuffled": "ours.Shuffling"},
}


def contender(kind: str, name: str) -> type[Peer]:
    """Return its class; `NotImplementedError` says that it is not installed."""
    return loaded(CONTENDERS[kind][name])


def loaded(place: str) -> type[Peer]:
    """Return the class that a file has, or say likewise that what it needs is not installed."""
    file, _, attribute = place.partition(".")
    try:
        module = importlib.import_module(f"peers.{file}")
    except ImportError as reason:
        raise NotImplementedError(f"not installed ({reason})") from reason
    threadpool_limits(1)  # of what the peer has loaded
    return getattr(module, attribute)
