"""Work for threads and processes whose results are compared by their bits."""

import hashlib
import itertools
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from typing import NamedTuple

import numpy as np

from mlp_fast import MLP

K = 23  # rows
EPOCHS = 1000


class Job(NamedTuple):
    """A network to be trained, of one output or of softmax outputs."""

    sizes: tuple[int, ...]
    batch_size: int | None = 1
    sparse: bool = False
    dtype: str = "float64"
    seed: int = 0

    @property
    def network(self):
        """Return the network, without weights."""
        options = {"batch_size": self.batch_size, "dtype": self.dtype}
        options |= {"learning_rate": 0.5, "random_state": self.seed}
        if self.sizes[-1] > 1:
            options |= {"output_activation": "softmax", "loss": "cross_entropy"}
        return MLP(self.sizes[1:-1], activation="tanh", **options)

    @property
    def rows(self):
        """Return inputs, half of them 0."""
        rng = np.random.default_rng(1)
        X = rng.standard_normal((K, self.sizes[0])) * (rng.random((K, self.sizes[0])) < 0.5)
        return in_form(X.astype(self.dtype), self.sparse)

    @property
    def targets(self):
        """Return classes that can be learnt: what the first input says."""
        first = self.rows[:, [0]]
        positive = (first.toarray() if self.sparse else first)[:, 0] > 0
        return positive * 1.0 if self.sizes[-1] == 1 else np.eye(self.sizes[-1])[positive * 1]


def in_form(X, sparse):
    if not sparse:
        return X
    import scipy.sparse as sp  # slow to import

    return sp.csr_array(X)


# each in registers, in blocks, or one by one if online; in a grid or lanes or neither in batches
SIZES = [(3, 4, 1), (2, 2, 2), (40, 30, 3), (100, 1)]
DTYPES = ["float64", "float32"]
DIFFERENT = [Job(*job) for job in itertools.product(SIZES, (1, 4, None), (False, True), DTYPES)]
FEW = DIFFERENT[::7]
ALIKE = [job._replace(seed=1) for job in DIFFERENT[::3]]  # which could mix up their buffers
JOBS = DIFFERENT + ALIKE
SMALL = Job((2, 3, 1))
LARGE = Job((2000, 200, 3), dtype="float32")  # of whose weights joblib makes a file


def digest(*arrays):
    """Return a hash of the bits of arrays."""
    kept = hashlib.sha256()
    for array in arrays:
        kept.update(f"{array.dtype} {array.shape}".encode() + array.tobytes())
    return kept.hexdigest()


def bits_of(job, epochs=EPOCHS):
    """Train a network and let it predict: all rows, and one."""
    X = job.rows
    m = job.network.train(X, job.targets, epochs)
    return digest(*m.weights, m.loss_curve_, m.forward(X), m.predict(X), m.predict(X[[0]]))


def small_bits(predict=False):
    """Train, and predict if told to, by few kernels: for where each has to be compiled."""
    m = SMALL.network.train(SMALL.rows, SMALL.targets, EPOCHS)
    answers = [m.predict(row[None]) for row in SMALL.rows] if predict else []
    return digest(*m.weights, m.loss_curve_, *answers)


def bits_of_going_on(m, job):
    """Change a network that was handed over, and train it from there; return its bits on the way.

    joblib hands over the weights of a large one read-only.
    """
    X, T = job.rows, job.targets
    before = digest(*m.weights, m.forward(X))
    m.backward(T)
    between = digest(*m.weights)
    m.train(X, T, 9, weights=m.weights)
    return [before, between, digest(*m.weights, m.loss_curve_, m.predict(X))]


def many_bits_of(job):
    """Train for long once, and often for a moment."""
    return [bits_of(job), *sorted({bits_of(job, 1) for _ in range(8)})]


def at_once(function, jobs):
    """Call a function of each job in a thread of its own, all at the same time."""
    sys.setswitchinterval(1e-4)  # so that threads meet everywhere
    barrier = Barrier(len(jobs))

    def start(job):
        barrier.wait()
        return function(job)

    with ThreadPoolExecutor(len(jobs)) as pool:
        return [*pool.map(start, jobs)]


ASKED = [Job((300, 400, 3)), Job((70, 100, 3), dtype="float32"), Job((3, 4, 1)), Job((100, 1))]
ROWS = [0, 7, 14]  # from where on a thread asks: threads that mix their rows up are to be noticed


def answers_to(m, X, first):
    """Return a hash of the answers to all rows, to sparse ones, and to some one by one."""
    X = np.roll(X, first, axis=0)
    answers = [m.predict(X), m.predict(in_form(X, sparse=True)), m.predict_proba(X)]
    return digest(*answers, *(m.predict(X[i : i + 1]) for i in range(7)))


def asked_while_another_trains():
    """Ask each of some networks by several threads while one more trains others.

    Return, of each thread, all hashes of answers that differ: there should be one.
    """
    networks = [(job.network.init_weights(job.sizes, 7), job.rows) for job in ASKED]
    done = Event()

    def ask(asked):
        return sorted({answers_to(*asked) for _ in range(50)})

    def train():
        trained = set()
        while not trained or not done.is_set():
            trained.add(" ".join(map(bits_of, FEW)))
        return sorted(trained)

    with ThreadPoolExecutor(1) as pool:
        trained = pool.submit(train)
        try:
            answers = at_once(ask, [(*asked, first) for asked in networks for first in ROWS])
        finally:
            done.set()
        return [*answers, trained.result()]


def asked_alone():
    """Return what `asked_while_another_trains` must return, by one thread."""
    networks = [(job.network.init_weights(job.sizes, 7), job.rows) for job in ASKED]
    answers = [[answers_to(*asked, first)] for asked in networks for first in ROWS]
    return [*answers, [" ".join(map(bits_of, FEW))]]
