"""Peak memory of a process that trains or predicts, and of one that only holds the data."""

from .workloads import data, predictor, trainer

SHAPE, DTYPE = "784-100-10", "float64"


class Memory:
    def setup_cache(self) -> None:
        """Compile in another process: the compiler's memory is no part of what is measured."""
        for run in self._runs():
            run()

    def setup(self) -> None:
        data(SHAPE, DTYPE)
        self.train_online, self.train_batch, self.predict = self._runs()

    def peakmem_data(self) -> None:
        pass

    def peakmem_online(self) -> None:
        self.train_online()

    def peakmem_batch(self) -> None:
        self.train_batch()

    def peakmem_predict(self) -> None:
        self.predict()

    def _runs(self):
        return (
            trainer("mlp_fast", "online", SHAPE, DTYPE, epochs=1),
            trainer("mlp_fast", "full_batch", SHAPE, DTYPE, epochs=1),
            predictor("mlp_fast", 1000, SHAPE, DTYPE),
        )
