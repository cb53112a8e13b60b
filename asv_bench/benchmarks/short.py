"""What a call costs however little it computes: a network of 2-2-1, and the four rows of XOR."""

import numpy as np

from mlp_fast import MLP

X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
T = np.array([[0], [1], [1], [0]])


class Short:
    """Calls of some microseconds; compiled by the first, in `setup`."""

    params = (1, None)
    param_names = ("batch_size",)

    def setup(self, batch_size: int | None) -> None:
        self.m = MLP(2, learning_rate=1, batch_size=batch_size).train(X, T, 1)
        self.plain = MLP()
        self.time_train_one_epoch_told_options(batch_size)
        self.x, self.t, self.row = X[1].astype(float), T[1].astype(float), X[1:2].astype(float)
        for call in (self.time_step, self.time_predict_one_row, self.time_predict_four_rows):
            call(batch_size)

    def time_train_one_epoch(self, batch_size: int | None) -> None:
        self.m.train(X, T, 1)

    def time_train_one_epoch_told_options(self, batch_size: int | None) -> None:
        self.plain.train(
            X, T, 1, layer_sizes=(2,), learning_rate=1, batch_size=batch_size, random_state=0
        )

    def time_step(self, batch_size: int | None) -> None:
        self.m.step(self.x, self.t)

    def time_predict_one_row(self, batch_size: int | None) -> None:
        self.m.predict(self.row)

    def time_predict_four_rows(self, batch_size: int | None) -> None:
        self.m.predict(X)
