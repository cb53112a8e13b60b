"""scikit-learn by its public calls; its own mathematics, so it ends at other weights.

It adds the bias with +1, divides the loss by the number of outputs too, knows no sigmoid outputs
under a squared error (`MLPRegressor` has linear ones), and draws its own weights.
"""

import warnings
from functools import partial

import numpy as np
import sklearn
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor

from peers.job import Array, Job, Run

ACTIVATIONS = {"sigmoid": "logistic", "tanh": "tanh"}
LARGEST_RATE = 0.01  # its linear outputs diverge sooner


def _estimator(job: Job) -> MLPClassifier | MLPRegressor:
    network = job.network
    kind = MLPClassifier if network.loss == "cross_entropy" else MLPRegressor
    return kind(
        hidden_layer_sizes=network.sizes[1:-1],
        activation=ACTIVATIONS[network.hidden],
        solver="sgd",
        alpha=0.0,
        batch_size=min(network.batch_size, len(job.X)),
        learning_rate_init=min(network.learning_rate, LARGEST_RATE),
        momentum=0.0,
        max_iter=job.epochs,
        shuffle=False,
        tol=0.0,
        n_iter_no_change=job.epochs + 1,
        random_state=0,
    )


def _targets(job: Job):
    if job.network.loss == "cross_entropy":
        return job.T.argmax(axis=1)
    return job.T[:, 0] if job.T.shape[1] == 1 else job.T


def _outputs(estimator: MLPClassifier | MLPRegressor, job: Job, X: Array) -> Array:
    if job.network.loss != "cross_entropy":
        return estimator.predict(X).reshape(len(X), -1)
    outputs = np.zeros((len(X), job.network.sizes[-1]))
    outputs[:, estimator.classes_] = estimator.predict_proba(X)
    return outputs


def _differs(job: Job) -> str:
    network = job.network
    other = ["its own loss and weights"]
    if network.output == "sigmoid":
        other.append("linear outputs")
    if network.learning_rate > LARGEST_RATE:
        other.append(f"learning rate {LARGEST_RATE}")
    return ", ".join(other)


def trainer(job: Job) -> Run:
    """Return `fit`."""
    estimator, T = _estimator(job), _targets(job)

    def call() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            estimator.fit(job.X, T)

    return Run(call, job.samples, outputs=partial(_outputs, estimator, job), differs=_differs(job))


def predictor(job: Job) -> Run:
    """Return `predict` of an estimator that was fitted for a moment."""
    estimator = _estimator(job)
    few = slice(64)
    estimator.partial_fit(job.X[few], _targets(job)[few])
    return Run(lambda: estimator.predict(job.X), len(job.X), differs=_differs(job))


def stepper(job: Job) -> Run:
    """Return `partial_fit` of one row."""
    T = _targets(job)
    rows = [(job.X[i : i + 1], T[i : i + 1]) for i in range(len(job.X))]
    held = {}

    def restore() -> None:
        held["estimator"] = _estimator(job)

    def call() -> None:
        partial_fit = held["estimator"].partial_fit
        for x, t in rows:
            partial_fit(x, t)

    return Run(
        call,
        len(rows),
        restore,
        outputs=lambda X: _outputs(held["estimator"], job, X),
        differs=_differs(job),
    )


def version() -> str:
    """Return scikit-learn's version."""
    return f"scikit-learn {sklearn.__version__}"
