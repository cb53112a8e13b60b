"""PyTorch on sparse rows, by hand: batches are gathered and converted before they are timed."""

import warnings
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from peers.peer import Array
from peers.torch_peer import ByHand

warnings.filterwarnings("ignore", "Sparse")


class Csr(ByHand):
    """Products of sparse and dense matrices, and their transposes made in advance."""

    def given(self, rows: Array) -> Any:
        if not hasattr(rows, "tocsr"):
            return torch.from_numpy(rows)
        return _tensor(rows), _tensor(rows.T.tocsr())

    def first_h(self, X: Any, W: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return torch.addmm(b, X[0], W)

    def update_first(self, X: Any, delta: torch.Tensor) -> None:
        (W, b), rate = self.tensors[0], -self.network.learning_rate / len(delta)
        W.addmm_(X[1], delta, alpha=rate)
        b.add_(delta.sum(0), alpha=rate)


class EmbeddingBag(ByHand):
    """Sums of the rows of weights that a sample has inputs for, and updates of these alone."""

    def given(self, rows: Array) -> Any:
        if not hasattr(rows, "tocsr"):
            return torch.from_numpy(rows)
        samples = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
        indices = rows.indices, rows.indptr[:-1], samples
        return *(torch.from_numpy(a.astype(np.int64)) for a in indices), torch.from_numpy(rows.data)

    def first_h(self, X: Any, W: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        columns, starts, _, values = X
        bags = {"mode": "sum", "per_sample_weights": values}
        return functional.embedding_bag(columns, W, starts, **bags).add_(b)

    def update_first(self, X: Any, delta: torch.Tensor) -> None:
        (W, b), rate = self.tensors[0], -self.network.learning_rate / len(delta)
        columns, _, samples, values = X
        W.index_add_(0, columns, delta[samples] * values[:, None], alpha=rate)
        b.add_(delta.sum(0), alpha=rate)


def _tensor(rows: Array) -> torch.Tensor:
    parts = rows.indptr, rows.indices, rows.data
    return torch.sparse_csr_tensor(*map(torch.from_numpy, parts), size=rows.shape)
