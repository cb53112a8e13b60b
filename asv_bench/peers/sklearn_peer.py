"""scikit-learn by its public calls; its own mathematics, so it ends at other weights.

It adds the bias with +1, divides the loss by the number of outputs too, knows no sigmoid outputs
under a squared error (`MLPRegressor` has linear ones), and draws its own weights.
"""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor

from peers.peer import MOMENTUM, Array, Job, Peer

warnings.simplefilter("ignore", ConvergenceWarning)

ACTIVATIONS = {"sigmoid": "logistic", "tanh": "tanh"}
LARGEST_RATE, LINEAR_RATE = 0.01, 0.001  # its linear outputs diverge sooner, if alone even more


class Fit(Peer):
    """One call of `fit`."""

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        largest = LARGEST_RATE if len(job.network.sizes) > 2 else LINEAR_RATE
        self.rate = min(job.network.learning_rate, largest)
        self.classifies = job.network.loss == "cross_entropy"
        self.T = job.T.argmax(axis=1) if self.classifies else self.given(job.T)
        self.estimator = self.fresh()

    def given(self, rows: Array) -> Array:
        return rows.ravel() if rows.shape[1] == 1 else rows

    def fresh(self) -> MLPClassifier | MLPRegressor:
        """Return an estimator that has not seen the data."""
        network, kind = self.network, MLPClassifier if self.classifies else MLPRegressor
        return kind(
            hidden_layer_sizes=network.sizes[1:-1],
            activation=ACTIVATIONS[network.hidden],
            solver="adam" if network.optimizer == "adam" else "sgd",
            alpha=network.l2 * network.batch_size,
            batch_size=min(network.batch_size, len(self.job.T)),
            learning_rate_init=self.rate,
            momentum=MOMENTUM if network.optimizer == "momentum" else 0.0,
            nesterovs_momentum=False,
            max_iter=self.job.epochs,
            shuffle=False,
            tol=0.0,
            n_iter_no_change=self.job.epochs + 1,
            random_state=0,
        )

    @property
    def differs(self) -> str:
        linear = ", linear outputs" if self.network.output == "sigmoid" else ""
        slower = self.rate < self.network.learning_rate
        rate = f", learning rate {self.rate}" if slower else ""
        return f"its own loss and weights{linear}{rate}"

    def train(self) -> None:
        self.estimator.fit(self.job.X, self.T)

    def outputs(self, X: Array) -> Array:
        if not self.classifies:
            return self.estimator.predict(X).reshape(X.shape[0], -1)
        outputs = np.zeros((X.shape[0], self.network.sizes[-1]))
        outputs[:, self.estimator.classes_] = self.estimator.predict_proba(X)
        return outputs


class ByCall(Fit):
    """`partial_fit` of a row, or `predict`, with the weights that are there."""

    train = Peer.train

    def restore(self) -> None:
        self.estimator = self.fresh()
        self.step = self.estimator.partial_fit
        self.step(self.job.X[:1], self.T[:1])  # draws the weights

    def predict(self) -> Array:
        return self.estimator.predict(self.job.X)
