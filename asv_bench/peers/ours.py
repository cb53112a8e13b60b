"""`mlp_fast` by its public calls, `MLP.train` and `MLP.predict`."""

import warnings
from functools import partial
from typing import Any

from mlp_fast import MLP, __version__
from peers.job import Job, Run

SEED = 0  # of the initial weights, which `train` draws itself


def network(job: Job, **options: Any) -> MLP:
    """Make the network of a job, which starts from the weights of `initial`."""
    told = job.network
    return MLP(
        layer_sizes=told.sizes[1:-1],
        activation=told.hidden,
        output_activation=told.output,
        loss=told.loss,
        learning_rate=told.learning_rate,
        batch_size=told.batch_size,
        random_state=SEED,
        dtype=job.dtype,
        **{"shuffle": False, **options},
    )


def initial(sizes: tuple[int, ...], dtype: str) -> list[Any]:
    """Return the weights that `train` starts from."""
    return MLP(dtype=dtype).init_weights(sizes, random_state=SEED).weights.copy()


def trainer(job: Job, **options: Any) -> Run:
    """Return `train`, which draws the initial weights in the time it is given."""
    net = network(job, **options)

    def call() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # it warns of divergence
            net.train(job.X, job.T, job.epochs)

    differs = "its own order" if net.settings.shuffle else ""
    return Run(call, job.samples, weights=lambda: net.weights.copy(), differs=differs)


shuffling_trainer = partial(trainer, shuffle=True)


def predictor(job: Job) -> Run:
    """Return `predict`, which checks its input and answers in the form of the targets."""
    net = network(job).init_weights(job.network.sizes, random_state=SEED)
    return Run(lambda: net.predict(job.X), len(job.X))


def stepper(job: Job) -> Run:
    """Return one call for each sample."""
    net = network(job)
    rows = list(zip(job.X, job.T, strict=True))

    def call() -> None:
        for x, t in rows:
            net.step(x, t)

    return Run(
        call,
        len(rows),
        lambda: net.init_weights(job.network.sizes, random_state=SEED),
        lambda: net.weights.copy(),
    )


def version() -> str:
    """Return this package's version."""
    return f"mlp_fast {__version__}"
