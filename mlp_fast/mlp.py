"""The public class `MLP`: options, training, recall."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from mlp_fast.activations import SIGMOID, SOFTMAX, HiddenName, OutputName
from mlp_fast.boundary.inputs import as_rows, as_sample
from mlp_fast.boundary.rows import as_dense
from mlp_fast.boundary.targets import (
    as_target,
    as_targets,
    check_classes,
    check_targets,
    check_width,
)
from mlp_fast.boundary.weights import as_weights
from mlp_fast.confusion import binary_confusion, confusion
from mlp_fast.constant import warn_if_no_better
from mlp_fast.docstrings import filled_in
from mlp_fast.initialisation import fresh_seed
from mlp_fast.kernels.linalg.matrix import Rows
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.losses import LossName
from mlp_fast.net import Forward, Net
from mlp_fast.options import AS_CONFIGURED, CHECKS, Dtype, all_sizes, given, positive
from mlp_fast.settings import Settings
from mlp_fast.single_row import Answering
from mlp_fast.suggestions import suggesting
from mlp_fast.weights import Weights


class NotFittedError(ValueError, AttributeError):
    """Raised when something needs the weights of a network that has none yet."""

    __module__ = "mlp_fast"  # the name by which it is imported, shown and pickled


@filled_in
class MLP:
    """Multi-layer perceptron, trained by back-propagation in compiled code.

    Every option can be given here or to `train`. What `train` is told is in force until the next
    `train` or `init_weights`, for `step` and `backward`, too: `settings` has what was given here,
    `in_force` what holds now.

    Parameters
    ----------
    layer_sizes : int or sequence of int, default (100,)
        Neurons of each hidden layer; ``()`` for none.
    activation : str or sequence of str, default 'sigmoid'
        For all hidden layers, or one per layer: {hidden}.
    output_activation : str, default 'sigmoid'
        {output}.
    loss : str, default 'squared_error'
        {losses}.
    beta : float or sequence of float, default 1.0
        Steepness of the sigmoid (38), for all layers or one per layer, the output included; 1 for
        every layer that is not a sigmoid.
    learning_rate : float, default 0.01
        Learning rate η (4).
    epochs : int, default 200
        Passes over the examples.
    batch_size : int or None, default None
        Examples per update: None for all, as the tutorial trains; 1 for online training
        (algorithm 2.4.1). The gradient is the mean over the batch.
    shuffle : bool, default True
        Whether each epoch takes the examples in a fresh random order; a full batch never does.
    orders : array of int, shape (epochs, k), optional
        The order of each epoch, in place of shuffling.
    random_state : int or None, default 0
        Seed of the initial weights and of the shuffling; None for fresh entropy.
    dtype : {'float64', 'float32'}, default 'float64'
        Of weights, arithmetic and outputs.
    verbose : int, default 0
        1 prints the error at each tenth of the epochs, and at the last one.
    save_weights : bool, default False
        Whether to fill `saved_weights`.
    progress : bool, default False
        Whether to show a progress bar (needs the extra ``progress``).

    Attributes
    ----------
    settings : Settings
        The options as they were given here; read-only.
    in_force : Settings
        The options that hold now, with what `train` was told; read-only.
    weights : Weights
        A live view of shape (n_in + 1, n_out) per layer; row 0 holds the bias node's weights.
        Assigned weights must be finite. Numbers written into a view are not checked: one that is
        not finite may go unnoticed while it meets only inputs that are 0.
    error_ : float
        Sum of (a - t)² over the examples of the last epoch, divided by their number, from the
        forward passes that the epoch trained on; NaN if no epoch was finished.
    loss_curve_ : ndarray of float64, shape (epochs,)
        Mean loss over the examples of each epoch, from the same passes; shorter if the run diverged
        or was interrupted.
    saved_weights : list of lists of ndarray
        Copies of the weights before training and after each epoch, if ``save_weights``.
    outputs : list of ndarray
        What `forward` computed: the inputs, then each layer's outputs.

    Examples
    --------
    >>> import numpy as np
    >>> from mlp_fast import MLP
    >>> X, T = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0], [1], [1], [0]])
    >>> m = MLP().train(X, T, 5001, layer_sizes=(2,), learning_rate=1, random_state=0)
    >>> print(f"{m.error_:.6f}")
    0.008146
    >>> m.predict(X).ravel()
    array([0, 1, 1, 0])

    Notes
    -----
    The same options, data and seed give the same bits, in every mode, on all CPUs that the tests
    compare: haswell, skylake-avx512 and znver4. The equation numbers are those of the tutorial
    "The Multi Layer Perceptron"; `docs/mathematics.md` has them.
    """

    @suggesting
    def __init__(
        self,
        layer_sizes: int | Iterable[int] = (100,),
        *,
        activation: HiddenName | Sequence[HiddenName] = "sigmoid",
        output_activation: OutputName = "sigmoid",
        loss: LossName = "squared_error",
        beta: float | Sequence[float] = 1.0,
        learning_rate: float = 0.01,
        epochs: int = 200,
        batch_size: int | None = None,
        shuffle: bool = True,
        orders: "ArrayLike | None" = None,
        random_state: int | None = 0,
        dtype: "Literal['float64', 'float32'] | DTypeLike" = "float64",
        verbose: int = 0,
        save_weights: bool = False,
        progress: bool = False,
    ) -> None:
        self._settings = self._in_force = Settings(**given(locals()))
        self._net: Net | None = None
        self._answering: Answering | None = None  # for a single row, from the first on
        self._forward: Forward | None = None

    @property
    def settings(self) -> Settings:
        """The options as `MLP` was given them."""
        return self._settings

    @property
    def in_force(self) -> Settings:
        """The options that hold now: those of `settings`, but for what `train` was told."""
        return self._in_force

    if not TYPE_CHECKING:  # a type checker would then allow all attributes to be set

        def __setattr__(self, name: str, value: Any) -> None:
            """Refuse an option, which would be ignored."""
            if name in CHECKS:
                raise AttributeError(
                    f"{name} is set by MLP({name}=...) or train(..., {name}=...), not as an "
                    "attribute; m.in_force has the options as they are"
                )
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        told = (f"{name}={value!r}" for name, value in self._settings.changed().items())
        return f"MLP({', '.join(told)})"

    def __getstate__(self) -> dict[str, Any]:
        # a copy has to call forward before backward
        return {**vars(self), "_forward": None, "_answering": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        if self._net is not None:  # joblib passes large arrays read-only
            self._net = self._net.twin()

    @suggesting
    def train(
        self,
        X: "ArrayLike",
        T: "ArrayLike",
        epochs: int = AS_CONFIGURED,
        *,
        layer_sizes: "int | Iterable[int]" = AS_CONFIGURED,
        activation: "HiddenName | Sequence[HiddenName]" = AS_CONFIGURED,
        output_activation: "OutputName" = AS_CONFIGURED,
        loss: "LossName" = AS_CONFIGURED,
        beta: "float | Sequence[float]" = AS_CONFIGURED,
        learning_rate: float = AS_CONFIGURED,
        batch_size: int | None = AS_CONFIGURED,
        shuffle: bool = AS_CONFIGURED,
        orders: "ArrayLike | None" = AS_CONFIGURED,
        random_state: int | None = AS_CONFIGURED,
        dtype: "Dtype | DTypeLike" = AS_CONFIGURED,
        verbose: int = AS_CONFIGURED,
        save_weights: bool = AS_CONFIGURED,
        progress: bool = AS_CONFIGURED,
        weights: Any = None,
    ) -> Self:
        """Train from fresh weights, or from those that are given.

        Parameters
        ----------
        X : array_like or scipy.sparse CSR, shape (k, n_in)
            Inputs, one row for each example; finite real numbers. Sparse rows are never made dense.
        T : array_like, shape (k, n_out) or (k,)
            Targets within the range of the output activation; for classes, one-hot rows.
        epochs : int, optional
            Passes over the examples.
        layer_sizes, activation, output_activation, loss, beta, learning_rate, batch_size : optional
            Options of `MLP`, which explains them. What is given here is in force until the next
            `train` or `init_weights`; the others are as `MLP` was given them.
        shuffle, orders, random_state, dtype, verbose, save_weights, progress : optional
            Likewise.
        weights : sequence of arrays, optional
            Weights to start from, of shape (n_in + 1, n_out) per layer; they are copied. With
            ``weights=m.weights`` the network is trained on from where it is.

        Returns
        -------
        MLP
            This network.

        Raises
        ------
        ValueError, TypeError
            If an option or an array is invalid; the network is then unchanged.

        Warns
        -----
        RuntimeWarning
            If the run diverges: the weights are then those before the epoch in which it did.
        UserWarning
            If, after 100 epochs or more, the last loss is above 0.9 times that of the best constant
            answer: the network has then learnt next to nothing.

        Examples
        --------
        >>> from mlp_fast import MLP
        >>> MLP().train([[0.0], [1.0]], [0.0, 1.0], 10, layer_sizes=(3,)).loss_curve_.shape
        (10,)
        """
        settings = self._settings.told(given(locals()))
        inputs = as_rows(X, settings.dtype)
        k = inputs.shape[0]
        targets, vector = as_targets(T, settings.dtype, k)
        sizes = (inputs.shape[1], *settings.layer_sizes, targets.shape[1])
        random_state = fresh_seed() if settings.random_state is None else settings.random_state
        net = Net.fresh(settings, sizes, random_state, vector, weights=weights)
        net.check_trainable()
        check_targets(targets, net.output, net.loss)
        training = net.training(settings, inputs, targets, random_state)

        self._set_net(net, settings)
        saved = [self.weights.copy()] if settings.save_weights else None
        if saved is not None:
            self.saved_weights = saved
        try:
            training.run(
                after_epoch=None if saved is None else lambda: saved.append(self.weights.copy())
            )
        finally:  # also after Ctrl-C
            if saved is not None:
                del saved[training.epochs_done + 1 :]
            self.error_ = training.error
            self.loss_curve_ = training.loss_curve
        if training.epochs_done == settings.epochs:
            warn_if_no_better(self.loss_curve_[-1], targets, settings, stacklevel=3)
        return self

    def init_weights(self, layer_sizes: Any, random_state: int | None = AS_CONFIGURED) -> Self:
        """Draw fresh weights within ±1/√n (57); the options of `MLP` are in force again.

        Parameters
        ----------
        layer_sizes : sequence of int
            Neurons of every layer, input and output included.
        random_state : int or None, optional
            Seed, None for fresh entropy; by default, that of `MLP`.

        Returns
        -------
        MLP
            This network.

        Raises
        ------
        ValueError
            If a size or the seed is invalid, or the weights do not fit in memory; the network is
            then unchanged.

        Examples
        --------
        >>> from mlp_fast import MLP
        >>> [W.shape for W in MLP().init_weights((2, 3, 1), random_state=0).weights]
        [(3, 3), (4, 1)]
        """
        sizes = all_sizes(layer_sizes)
        told = {"layer_sizes": sizes[1:-1], "random_state": random_state}
        settings = self._settings.told(given(told))
        random_state = fresh_seed() if settings.random_state is None else settings.random_state
        net = Net.fresh(settings, sizes, random_state, vector=False, train=False)
        self._set_net(net, settings)
        return self

    @property
    def weights(self) -> Weights:
        """A live view of each layer's weights, which must stay finite; see the class."""
        net = self._fitted()
        return Weights(net.layout, net.theta)

    @weights.setter
    def weights(self, weights: Any) -> None:
        net = self._fitted()
        net.theta[:] = as_weights(weights, net.layout, net.dtype)

    def forward(self, X: ArrayLike, weights: Any = None) -> Floats:
        """Compute the outputs of every layer (69); those of the last are the network's answer.

        With sigmoid and softmax outputs they are probabilities. `predict_proba` returns the same
        without keeping anything for `backward`.

        Parameters
        ----------
        X : array_like or scipy.sparse CSR, shape (k, n_in)
            Inputs; sparse rows are made dense, because `outputs` begins with the inputs.
        weights : sequence of arrays, optional
            Other weights to use, such as an element of `saved_weights`; nothing is then changed.

        Returns
        -------
        ndarray, shape (k, n_out)
            Outputs of the last layer; those of all layers are left in `outputs`.

        Raises
        ------
        NotFittedError
            If there are no weights yet.

        Examples
        --------
        >>> from mlp_fast import MLP
        >>> MLP().init_weights((2, 1), random_state=0).forward([[0, 0], [1, 1]]).shape
        (2, 1)
        """
        net = self._fitted()
        if weights is None:
            self._forward = None  # if this call fails, `backward` must not use the one before
        inputs = as_rows(X, net.dtype, net.layout.sizes[0])
        if weights is not None:
            return net.recall(inputs, as_weights(weights, net.layout, net.dtype))
        self._forward = net.forward(as_dense(inputs))
        self.outputs = self._forward.outputs
        return self.outputs[-1].copy()

    def backward(self, T: ArrayLike, learning_rate: float | None = None) -> None:
        """Update the weights once, by the errors of the batch last given to `forward` (78).

        Parameters
        ----------
        T : array_like, shape (k, n_out) or (k,)
            Targets of that batch.
        learning_rate : float, optional
            η; by default the one in force.

        Raises
        ------
        RuntimeError
            If there is no `forward` to follow: it was not called, its last call failed, or since
            then the network has predicted, learned or been given other weights.

        Warns
        -----
        RuntimeWarning
            If the step diverges: the weights are then unchanged.

        Examples
        --------
        >>> from mlp_fast import MLP
        >>> m = MLP().init_weights((2, 1), random_state=0)
        >>> before = m.weights.copy()
        >>> _ = m.forward([[0, 1]])
        >>> m.backward([[1]], learning_rate=0.5)
        >>> bool((m.weights[0] != before[0]).any())
        True
        """
        net, done = self._fitted(), self._forward
        if done is None or not np.array_equal(done.theta, net.theta):
            raise RuntimeError(
                "backward needs the outputs of a forward(X) just before it, with these weights"
            )
        eta = self._rate(learning_rate)
        net.check_trainable()
        targets, _ = as_targets(T, net.dtype, done.outputs[0].shape[0])
        check_width(targets, net.layout.sizes[-1])
        check_targets(targets, net.output, net.loss)
        self._forward = None
        net.backward(done, targets, eta)

    def step(self, x: ArrayLike, t: ArrayLike, learning_rate: float | None = None) -> float:
        """Learn from one sample: one forward pass and one update (algorithm 2.4.1).

        For samples that arrive one by one. If all are at hand, `train` with ``batch_size=1`` takes
        the same steps, up to rounding, without a call for each.

        Parameters
        ----------
        x : array_like, shape (n_in,), or one row of scipy.sparse CSR
            Inputs; a sparse row is made dense.
        t : array_like, shape (n_out,), or a number if there is one output
            Targets.
        learning_rate : float, optional
            η; by default the one in force.

        Returns
        -------
        float
            The loss of the sample before the update.

        Raises
        ------
        NotFittedError
            If there are no weights yet: see `init_weights`.
        ValueError, TypeError
            If an array is invalid; the network is then unchanged.

        Warns
        -----
        RuntimeWarning
            If the loss is not finite, or a weight would not be; the network is then unchanged.

        Examples
        --------
        >>> from mlp_fast import MLP
        >>> m = MLP(output_activation="linear", learning_rate=0.1).init_weights((2, 1), 0)
        >>> losses = [m.step([1.0, 2.0], 3.0) for _ in range(20)]
        >>> losses[-1] < losses[0] / 100
        True
        """
        net = self._fitted()
        eta = self._rate(learning_rate)
        net.check_trainable()
        inputs = as_sample(x, net.dtype, net.layout.sizes[0])
        targets = as_target(t, net.dtype, net.layout.sizes[-1])
        check_targets(targets.reshape(1, -1), net.output, net.loss, "t")
        self._forward = None
        return net.learn(inputs, targets, eta)

    def predict(self, X: ArrayLike, weights: Any = None) -> NDArray[Any]:
        """Predict, in the form of the targets.

        Parameters
        ----------
        X : array_like or scipy.sparse CSR, shape (k, n_in)
            Inputs.
        weights : sequence of arrays, optional
            Other weights to use; nothing is then changed.

        Returns
        -------
        ndarray, shape (k, n_out), or (k,) where the targets were 1-D
            For sigmoid outputs 0 or 1, by the threshold 0.5; for softmax 1 for the largest output
            and 0 for the others; otherwise the outputs.

        Raises
        ------
        NotFittedError
            If there are no weights yet.

        Examples
        --------
        >>> from mlp_fast import MLP
        >>> MLP().train([[0], [1]], [0, 1], 1000, layer_sizes=(), learning_rate=9).predict([[1]])
        array([1])
        """
        if weights is None:
            answering = self._answering
            if answering is None:
                answering = self._answering = self._fitted().answering()
            answer = answering(X)
            if answer is not None:
                if self._forward is not None:  # an assignment would take a fifth of the time
                    self._forward = None
                return answer
        return self._fitted().in_form(self._answer(X, weights))

    def predict_proba(self, X: ArrayLike, weights: Any = None) -> Floats:
        """Compute the outputs of a network of sigmoid or softmax outputs, which are probabilities.

        Parameters
        ----------
        X : array_like or scipy.sparse CSR, shape (k, n_in)
            Inputs.
        weights : sequence of arrays, optional
            Other weights to use; nothing is then changed.

        Returns
        -------
        ndarray, shape (k, n_out)
            With softmax outputs, each row sums to 1. With sigmoid outputs, each is the probability
            that its target is 1; there is one column if there is one output.

        Raises
        ------
        NotFittedError
            If there are no weights yet.
        ValueError
            If the output activation is neither; `forward` and `predict` return such outputs.

        Examples
        --------
        >>> from mlp_fast import MLP
        >>> m = MLP(output_activation="softmax").init_weights((2, 3))
        >>> print(m.predict_proba([[0, 1]]).sum().round(6))
        1.0
        """
        output = self._fitted().output
        if output not in (SIGMOID, SOFTMAX):
            raise ValueError(
                "predict_proba needs output_activation 'sigmoid' or 'softmax', whose outputs are "
                f"probabilities; got {output.name!r}: predict returns its outputs"
            )
        return self._answer(X, weights)

    def predict_classes(self, X: ArrayLike, weights: Any = None) -> NDArray[np.int64]:
        """Predict the index of each row's class.

        Parameters
        ----------
        X : array_like or scipy.sparse CSR, shape (k, n_in)
            Inputs.
        weights : sequence of arrays, optional
            Other weights to use; nothing is then changed.

        Returns
        -------
        ndarray of int64, shape (k,)
            Index of the largest output; with one output, 1 if it is above 0.5 (0 for tanh), else 0.

        Examples
        --------
        >>> from mlp_fast import MLP
        >>> m = MLP(output_activation="softmax", loss="cross_entropy", batch_size=1)
        >>> m.train([[0.0], [1.0]], [[1, 0], [0, 1]], 500, layer_sizes=()).predict_classes([[1.0]])
        array([1])
        """
        net = self._fitted()
        return net.classes(self._answer(X, weights))

    def confmat(self, X: ArrayLike, T: ArrayLike) -> NDArray[np.int64]:
        """Compute the confusion matrix of the predictions.

        Parameters
        ----------
        X : array_like or scipy.sparse CSR, shape (k, n_in)
            Inputs.
        T : array_like, shape (k, n_out) or (k,)
            Targets: 0 or 1 with one output (-1 or 1 for tanh), one-hot rows with more.

        Returns
        -------
        ndarray of int64
            [[tp, fp], [fn, tn]] with one output; with K outputs K×K, its rows the true classes.

        Examples
        --------
        >>> from mlp_fast import MLP
        >>> m = MLP().train([[0], [1]], [0, 1], 1000, layer_sizes=(), learning_rate=9)
        >>> m.confmat([[0], [1]], [0, 1])
        array([[1, 0],
               [0, 1]])
        """
        net = self._fitted()
        inputs = as_rows(X, net.dtype, net.layout.sizes[0])
        targets, _ = as_targets(T, net.dtype, inputs.shape[0])
        n_out = net.layout.sizes[-1]
        check_width(targets, n_out)
        check_classes(targets, net.output)
        predicted = net.classes(self._recall(inputs))
        truth = net.classes(targets)
        if n_out == 1:
            return binary_confusion(predicted == 1, truth == 1)
        return confusion(predicted, truth, n_out)

    def _rate(self, learning_rate: float | None) -> float:
        if learning_rate is None:
            return self._in_force.learning_rate
        return positive("learning_rate", learning_rate)

    def _answer(self, X: ArrayLike, weights: Any = None) -> Floats:
        net = self._fitted()
        inputs = as_rows(X, net.dtype, net.layout.sizes[0])
        if weights is not None:
            return net.recall(inputs, as_weights(weights, net.layout, net.dtype))
        return self._recall(inputs)

    def _recall(self, inputs: Rows) -> Floats:
        net = self._fitted()
        answer = net.recall(inputs, net.theta)
        self._forward = None
        return answer

    def _fitted(self) -> Net:
        if self._net is None:
            raise NotFittedError("this MLP has no weights yet: call train or init_weights first")
        return self._net

    def _set_net(self, net: Net, settings: Settings) -> None:
        """Replace the network, and drop the results of the one before."""
        state = vars(self)
        for name in ("error_", "loss_curve_", "saved_weights", "outputs"):
            state.pop(name, None)
        state.update(_net=net, _in_force=settings, _forward=None, _answering=None)
