"""`mlp_fast` by its public calls."""

import dataclasses
import warnings

from mlp_fast import MLP
from peers.peer import Array, Job, Peer

warnings.filterwarnings("error", ".*diverged")

SEED = 0  # of the initial weights, which `train` draws itself


def initial(sizes: tuple[int, ...], dtype: str, seed: int = SEED) -> list[Array]:
    """Return the weights that `train` starts from."""
    return MLP(dtype=dtype).init_weights(sizes, random_state=seed).weights.copy()


class Training(Peer):
    """One call of `train`, which draws the initial weights in the time it is given."""

    shuffle = False

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        network = job.network
        self.net = MLP(
            layer_sizes=network.sizes[1:-1],
            activation=network.hidden,
            output_activation=network.output,
            loss=network.loss,
            learning_rate=network.learning_rate,
            batch_size=network.batch_size,
            random_state=SEED,
            dtype=self.dtype,
            shuffle=self.shuffle,
            optimizer=network.optimizer,
            l2=network.l2,
        )

    def train(self) -> None:
        job = self.job
        self.net.train(job.X, job.T, job.epochs, sample_weight=job.sample_weight)

    def weights(self) -> list[Array]:
        return self.net.weights.copy()


class Plain(Training):
    """Plain gradient descent on samples that count alike, in the place of another rule."""

    differs = "plain gradient descent"

    def __init__(self, job: Job) -> None:
        network = dataclasses.replace(job.network, optimizer="sgd", l2=0.0, weighted=False)
        super().__init__(dataclasses.replace(job, network=network))


class Shuffling(Training):
    """The same, with a fresh order in each epoch."""

    shuffle, differs = True, "its own order"


class Dense(Training):
    """Sparse rows made dense."""

    def __init__(self, job: Job) -> None:
        super().__init__(dataclasses.replace(job, X=job.X.toarray()))


class ByCall(Training):
    """A call for each sample, or an answer, with the weights that are there."""

    train = Peer.train

    def restore(self) -> None:
        self.net.init_weights(self.network.sizes, random_state=SEED)
        self.step = self.net.step

    def given(self, rows: Array) -> Array:
        return rows[0]

    def predict(self) -> Array:
        return self.net.predict(self.job.X)
