"""The public class `MLP`: options, training, recall."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from mlp_fast.activations import SIGMOID, SOFTMAX, HiddenName, OutputName
from mlp_fast.answering import Answering
from mlp_fast.attached import NOTHING, Attached, Callback
from mlp_fast.boundary.chunks import Chunks
from mlp_fast.boundary.examples import Examples, as_examples
from mlp_fast.boundary.inputs import as_rows, as_sample
from mlp_fast.boundary.rows import as_dense
from mlp_fast.boundary.sample_weights import as_sample_weight
from mlp_fast.boundary.sources import as_arrays, as_source
from mlp_fast.boundary.targets import (
    as_target,
    as_targets,
    check_classes,
    check_targets,
    check_width,
)
from mlp_fast.boundary.weights import as_weights
from mlp_fast.checks import positive
from mlp_fast.confusion import binary_confusion, confusion
from mlp_fast.constant import warn_if_no_better
from mlp_fast.docstrings import filled_in
from mlp_fast.gradients import Objective, input_gradient
from mlp_fast.history import History
from mlp_fast.initialisation import InitialisationName, fresh_seed
from mlp_fast.kernels.linalg.matrix import Rows
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.losses import LossName
from mlp_fast.net import Net, not_finite
from mlp_fast.options import AS_CONFIGURED, CHECKS, Dtype, all_sizes, given
from mlp_fast.passes import Passes
from mlp_fast.passing import Backward, Forward, forwarding
from mlp_fast.run import Run
from mlp_fast.saving import Saved, read, write
from mlp_fast.settings import LearningRate, Settings
from mlp_fast.stepping import Steps
from mlp_fast.suggestions import suggesting
from mlp_fast.summary import summary
from mlp_fast.update_rule import Optimizer
from mlp_fast.warn import warn
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
    optimizer : str or Optimizer, default 'sgd'
        The update rule, what becomes of the weights given the gradient of a batch, by name or as an
        object of `mlp_fast.optimizers`, with numbers other than its defaults: 'sgd', 'momentum',
        'rmsprop', 'adam', 'adamw' or 'rprop'.
    learning_rate : float, schedule or function, default 0.01
        Learning rate η (4): a number, a schedule of `mlp_fast.schedules`, or any function of the
        epoch, counted from 0, that returns a number of 0 or more. It is called once for each epoch,
        of which a `partial_train` is one; a `step` or a `backward` is none. 'rprop' has none.
    l2 : float, default 0.0
        λ of the penalty λ/2 Σw² that is added to the mean loss, biases left out. 'adamw' has a
        weight_decay in its place.
    clip_norm : float or None, default None
        The largest norm of the gradient of a batch, over all layers, before L2: a longer one is
        scaled down to it.
    epochs : int, default 200
        Passes over the examples.
    batch_size : int or None, default None
        Examples per update: None for all, as the tutorial trains; 1 for online training
        (algorithm 2.4.1). The gradient is the mean over the batch.
    shuffle : bool, default True
        Whether each epoch takes the examples in a fresh random order; a full batch never does.
    orders : array of int, shape (epochs, k), optional
        The order of each epoch, in place of shuffling.
    initialisation : str, default 'tutorial'
        Within which bounds initial weights are drawn, uniformly: {initialisations}.
    random_state : int or None, default 0
        Seed of the initial weights and of the shuffling; None for fresh entropy.
    dtype : {'float64', 'float32'}, default 'float64'
        Of weights, arithmetic and outputs.
    verbose : int, default 0
        1 prints the error at each tenth of the epochs, and at the last one.
    save_weights : bool, default False
        Whether to fill `saved_weights`.
    progress : bool, default False
        Whether to show a progress bar, with the losses (needs the extra ``progress``).
    validation_fraction : float or None, default None
        Share of the examples, above 0 and below 1, that is held out to compute
        `validation_loss_curve_`; chosen by the seed, from each class alike if targets are one-hot.
        The others are copied.
    patience : int or None, default None
        Stop so many epochs after the best validation loss or, without validation, the best training
        loss; the network then has the weights of that epoch, and `resume` goes on from the last.
    tol : float, default 0.0
        By how much a loss must be below the best one to be better.

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
        forward passes that the epoch trained on; NaN if no epoch was finished. Weights of samples
        do not count.
    loss_curve_ : ndarray of float64, shape (epochs_,)
        Mean loss over the examples of each epoch, from the same passes: weighted, if samples have
        weights, and with the penalty λ/2 Σw² of the weights before each step, if there is ``l2``.
    validation_loss_curve_ : ndarray of float64, shape (epochs_,)
        Mean loss over the validation rows after each epoch; NaN for epochs without.
    epochs_ : int
        Epochs that were completed, since `train` or `init_weights` and with every `resume`.
    best_epoch_ : int or None
        Index of the best loss: in `validation_loss_curve_` if there is one, else in `loss_curve_`;
        with `patience`, that of the weights that the network has.
    stopped_ : str
        Why training ended: 'epochs', 'patience', 'callback', 'interrupted' or 'diverged'. While it
        lasts, and in files and copies of that time, 'interrupted'.
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

    saved_weights: list[list[Floats]]
    _running: Run | None = None  # an attribute of the object while it is being trained

    @suggesting
    def __init__(
        self,
        layer_sizes: int | Iterable[int] = (100,),
        *,
        activation: HiddenName | Sequence[HiddenName] = "sigmoid",
        output_activation: OutputName = "sigmoid",
        loss: LossName = "squared_error",
        beta: float | Sequence[float] = 1.0,
        optimizer: str | Optimizer = "sgd",
        learning_rate: LearningRate = 0.01,
        l2: float = 0.0,
        clip_norm: float | None = None,
        epochs: int = 200,
        batch_size: int | None = None,
        shuffle: bool = True,
        orders: "ArrayLike | None" = None,
        initialisation: InitialisationName = "tutorial",
        random_state: int | None = 0,
        dtype: "Literal['float64', 'float32'] | DTypeLike" = "float64",
        verbose: int = 0,
        save_weights: bool = False,
        progress: bool = False,
        validation_fraction: float | None = None,
        patience: int | None = None,
        tol: float = 0.0,
    ) -> None:
        self._settings = self._in_force = Settings(**given(locals()))
        self._net: Net | None = None
        self._history: History | None = None
        self._attached = NOTHING
        # quick entries, each from the first call on: see `_no_entries`
        self._answering: dict[str, Answering] = {}
        self._passes: dict[str, Any] = {}  # forward and backward
        self._steps: Steps | None = None
        self._few: Passes | None = None  # partial_train
        self._forward: Forward | None = None  # what backward needs
        self._passed: Forward | None = None  # what outputs are made of
        self._shows_weights = False  # whether others may change them, through views

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
        # a copy has to call forward before backward, and has no callback
        state = {**vars(self), "_attached": NOTHING, "_shows_weights": False, **_no_entries()}
        state["_forward"] = state["_passed"] = None
        if self._passed is not None:
            state["outputs"] = self.outputs
        if state.pop("_running", None) is not None:
            state["_net"], state["_history"] = self._as_ended()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        if self._net is not None:  # joblib passes large arrays read-only
            self._net, self._history = self._net.twin(), self._history and self._history.twin()

    @suggesting
    def train(
        self,
        X: Any,
        T: "ArrayLike | None" = None,
        epochs: int = AS_CONFIGURED,
        *,
        layer_sizes: "int | Iterable[int]" = AS_CONFIGURED,
        activation: "HiddenName | Sequence[HiddenName]" = AS_CONFIGURED,
        output_activation: "OutputName" = AS_CONFIGURED,
        loss: "LossName" = AS_CONFIGURED,
        beta: "float | Sequence[float]" = AS_CONFIGURED,
        optimizer: "str | Optimizer" = AS_CONFIGURED,
        learning_rate: "LearningRate" = AS_CONFIGURED,
        l2: float = AS_CONFIGURED,
        clip_norm: float | None = AS_CONFIGURED,
        batch_size: int | None = AS_CONFIGURED,
        shuffle: bool = AS_CONFIGURED,
        orders: "ArrayLike | None" = AS_CONFIGURED,
        initialisation: "InitialisationName" = AS_CONFIGURED,
        random_state: int | None = AS_CONFIGURED,
        dtype: "Dtype | DTypeLike" = AS_CONFIGURED,
        verbose: int = AS_CONFIGURED,
        save_weights: bool = AS_CONFIGURED,
        progress: bool = AS_CONFIGURED,
        validation_fraction: float | None = AS_CONFIGURED,
        patience: int | None = AS_CONFIGURED,
        tol: float = AS_CONFIGURED,
        sample_weight: "ArrayLike | None" = None,
        weights: Any = None,
        validation: "tuple[Any, ArrayLike] | None" = None,
        callback: "Callback | None" = None,
        checkpoint: "str | os.PathLike[str] | None" = None,
        checkpoint_every: int = 1,
    ) -> Self:
        """Train afresh: from fresh weights, or from those that are given. See also `resume`.

        Parameters
        ----------
        X : array_like or scipy.sparse CSR, shape (k, n_in), or iterable of pairs (X, T)
            Inputs, one row for each example; finite real numbers. Sparse rows are never made dense.
            Or, without T, chunks of examples, such as of a file that is larger than memory, each
            (X, T) or (X, T, sample_weight). They are iterated anew for each epoch, and shuffled one
            by one; no batch spans two of them, except that a full batch is all of them.
        T : array_like, shape (k, n_out) or (k,), optional
            Targets within the range of the output activation; for classes, one-hot rows.
        epochs : int, optional
            Passes over the examples.
        layer_sizes, activation, output_activation, loss, beta, optimizer, learning_rate : optional
            Options of `MLP`, which explains them. What is given here is in force until the next
            `train` or `init_weights`; the others are as `MLP` was given them.
        l2, clip_norm, batch_size, shuffle, orders, initialisation, random_state, dtype : optional
            Likewise.
        verbose, save_weights, progress, validation_fraction, patience, tol : optional
            Likewise.
        sample_weight : array_like, shape (k,), optional
            How much each example counts, 0 or more; divided by their mean over the rows that are
            trained on, so that only ratios matter. The objective of a batch of B examples is then
            (1/B) Σ sᵢ lossᵢ. Validation is not weighted. Chunks have theirs in them, and those are
            taken as they are.
        weights : sequence of arrays, optional
            Weights to start from, of shape (n_in + 1, n_out) per layer; they are copied.
        validation : tuple (X, T), optional
            Rows to compute `validation_loss_curve_` by, after every epoch.
        callback : callable, optional
            Called as ``callback(epoch, network, logs)`` after every epoch, counted from 0; `logs`
            is a dict of loss, validation_loss (or None) and learning_rate. If it returns True,
            training stops. It may use and save the network, and write its weights, but not train
            it.
        checkpoint : str or path, optional
            File to `save` the network to: at the beginning (but not with chunks, which may be
            refused yet), after every `checkpoint_every` epochs and at the end. If it cannot be
            written, there is a warning and training goes on. If a later chunk is refused, the file
            stays that of the last epochs before.
        checkpoint_every : int, default 1
            Epochs between two checkpoints: what a process that is killed loses at most. Each writes
            the whole file, so let it take a second of training or more.

        Returns
        -------
        MLP
            This network.

        Raises
        ------
        ValueError, TypeError
            If an option, an array or a chunk is invalid; the network is then unchanged.
        RuntimeError
            If the network is being trained already.
        KeyboardInterrupt
            If Ctrl-C is pressed, and any error of the callback or of the chunks themselves. The
            network is then as after the last complete epoch, and `resume` goes on from there.

        Warns
        -----
        RuntimeWarning
            If the run diverges: the weights are then those before the epoch in which it did or,
            with patience, those of the best epoch.
        UserWarning
            If, after 100 epochs or more, the last loss is above 0.9 times that of the best constant
            answer: the network has then learnt next to nothing.

        Examples
        --------
        >>> from mlp_fast import MLP
        >>> MLP().train([[0.0], [1.0]], [0.0, 1.0], 10, layer_sizes=(3,)).loss_curve_.shape
        (10,)
        """
        self._check_idle("train")
        found = self._net
        told, attached = given(locals()), NOTHING
        if validation is not None:
            told.setdefault("validation_fraction", None)
        settings = self._settings.told(told)
        nothing = validation is None and callback is None and checkpoint is None
        if not nothing or checkpoint_every != 1:
            attached = NOTHING.told(
                validation=validation,
                callback=callback,
                checkpoint=checkpoint,
                checkpoint_every=checkpoint_every,
            )
        source = as_source(X, T, sample_weight, settings.dtype)
        net, history = _fresh(settings, source, weights)
        run = Run(self, net, history, settings, attached, source, found)
        run.go(self._begin, net, settings, history, attached)
        if history.stopped == "diverged":
            _warn_of_divergence(history)
        elif history.stopped == "epochs" and isinstance(run.source, Examples):
            warn_if_no_better(history.loss[-1], run.source, settings)
        return self

    @suggesting
    def resume(
        self,
        X: Any,
        T: "ArrayLike | None" = None,
        epochs: int = AS_CONFIGURED,
        *,
        optimizer: "str | Optimizer" = AS_CONFIGURED,
        learning_rate: "LearningRate" = AS_CONFIGURED,
        l2: float = AS_CONFIGURED,
        clip_norm: float | None = AS_CONFIGURED,
        batch_size: int | None = AS_CONFIGURED,
        shuffle: bool = AS_CONFIGURED,
        orders: "ArrayLike | None" = AS_CONFIGURED,
        verbose: int = AS_CONFIGURED,
        save_weights: bool = AS_CONFIGURED,
        progress: bool = AS_CONFIGURED,
        validation_fraction: float | None = AS_CONFIGURED,
        patience: int | None = AS_CONFIGURED,
        tol: float = AS_CONFIGURED,
        sample_weight: "ArrayLike | None" = None,
        validation: "tuple[Any, ArrayLike] | None" = AS_CONFIGURED,
        callback: "Callback | None" = AS_CONFIGURED,
        checkpoint: "str | os.PathLike[str] | None" = AS_CONFIGURED,
        checkpoint_every: int = AS_CONFIGURED,
        **fixed: Any,
    ) -> Self:
        """Train on from where training stands, with the options in force.

        Five epochs and five more give the bits of ten, also through `save` and `load`, a copy or a
        checkpoint, as long as the examples and the options are the same. If patience had stopped
        the training, it is given as much again; with a larger one, or None, it goes on for longer.

        Parameters
        ----------
        X, T : optional
            As for `train`; other examples may be given, of as many inputs and outputs.
        epochs : int, optional
            How many epochs more.
        optimizer, learning_rate, l2, clip_norm, batch_size, shuffle : optional
            Options of `MLP`; those that are not given stay in force. A rule of the same name goes
            on from where it stands, its momentum, say; another one starts afresh. The epochs of a
            schedule are counted on.
        orders : array of int, shape (epochs, k), optional
            The order of each epoch; must be given again, or be None, if `train` was given any.
        verbose, save_weights, progress, validation_fraction, patience, tol : optional
            Options of `MLP`, likewise. Of the same examples, the same are held out again.
        sample_weight : array_like, shape (k,), optional
            As for `train`; must be given again if it is to hold.
        validation, callback, checkpoint, checkpoint_every : optional
            As for `train`; those that are not given are as in the last `train` or `resume` of this
            object. Files and copies hold none of them: after them, `validation` must be given
            again, or be None, if there was one. The best weights so far are judged by the rows
            that are given.
        **fixed
            Options that a network is made with, such as ``layer_sizes``; they must be as they are.

        Returns
        -------
        MLP
            This network.

        Raises
        ------
        NotFittedError
            If there are no weights yet.
        ValueError, TypeError
            If an option, an array or a chunk is invalid, or an option is not as the network was
            made with; the network is then unchanged.
        RuntimeError
            If the network is being trained already.
        KeyboardInterrupt
            As for `train`.

        Warns
        -----
        RuntimeWarning
            If the run diverges, as for `train`.

        Examples
        --------
        >>> import numpy as np
        >>> from mlp_fast import MLP
        >>> X, T = np.eye(3), np.eye(3)
        >>> m = MLP(batch_size=1).train(X, T, 5).resume(X, T, 5)
        >>> bool((m.loss_curve_ == MLP(batch_size=1).train(X, T, 10).loss_curve_).all())
        True
        """
        net, history = self._fitted(), self._trained()
        self._check_idle("resume")
        arguments = locals()
        told = given(arguments)
        self._check_fixed(fixed)
        if self._in_force.orders is not None and "orders" not in told:
            raise ValueError("orders must be given to resume, or be None, as some are in force")
        now: dict[str, Any] = {
            name: value
            for name, value in arguments.items()
            if name in Attached._fields and value is not AS_CONFIGURED
        }
        # of validation rows and a fraction, the one that is given replaces the other
        if now.get("validation") is not None:
            told.setdefault("validation_fraction", None)
        elif told.get("validation_fraction") is not None:
            now.setdefault("validation", None)
        settings = self._in_force.told(told)
        attached = self._attached.told(**now) if now else self._attached
        validated = attached.validation is not None
        if history.validated and not validated and "validation" not in now:
            raise ValueError(
                "validation must be given to resume, or be None: training had validation rows, "
                "which are not part of a copy or a file"
            )
        source = as_source(X, T, sample_weight, net.dtype, net.widths)
        run = Run(self, net, history, settings, attached, source, net)
        run.go(self._continue, settings, attached, source.vector, validated)
        if history.stopped == "diverged":
            _warn_of_divergence(history)
        return self

    def partial_train(
        self, X: "ArrayLike", T: "ArrayLike", sample_weight: "ArrayLike | None" = None
    ) -> Self:
        """Train by one pass over rows in their order, such as the next ones of a stream.

        The first call makes the network, unless there is one already. Each call counts as an epoch,
        also for a schedule of the learning rate. Without `batch_size` in force, it is one step.
        Validation rows, patience and callbacks are left out; after a training with patience, it
        goes on from the last weights, not the best.

        Parameters
        ----------
        X : array_like or scipy.sparse CSR, shape (k, n_in)
            Inputs.
        T : array_like, shape (k, n_out) or (k,)
            Targets.
        sample_weight : array_like, shape (k,), optional
            How much each row counts, 0 or more. Unlike those of `train` they are taken as they are,
            not divided by their mean, which would not be that of the stream.

        Returns
        -------
        MLP
            This network.

        Raises
        ------
        ValueError, TypeError
            If an array is invalid; the network is then unchanged.
        RuntimeError
            If the network is being trained already.
        KeyboardInterrupt
            If Ctrl-C is pressed; the pass is then undone.

        Warns
        -----
        RuntimeWarning
            If the pass diverges; it is then undone.

        Examples
        --------
        >>> from mlp_fast import MLP
        >>> m = MLP(layer_sizes=(), output_activation="linear", batch_size=1)
        >>> for x in range(40):
        ...     m = m.partial_train([[x % 4 / 4]], [x % 4 / 2])
        >>> m.epochs_
        40
        """
        few, state = self._few, vars(self)
        if few is not None and sample_weight is None and few.ordinary(state, X, T):
            state["_forward"] = state["_passed"] = None
            state.pop("outputs", None)
            return self
        self._check_idle("partial_train")
        found, in_force = self._net, self._in_force
        if found is None:
            in_force = self._settings
            source = as_arrays(X, T, sample_weight, in_force.dtype)
            net, history = _fresh(in_force, source)
        else:
            net, history = found, self._trained()
            source = as_arrays(X, T, sample_weight, net.dtype, net.widths)
        best, last, epochs = history.best, history.last, history.epochs
        shown = None if best is None else net.theta.copy()
        run = Run(self, net, history, in_force.told(ONE_PASS), NOTHING, source, found)
        try:
            if found is None:
                run.go(self._begin, net, in_force, history, NOTHING)
            else:
                run.go(self._continue, in_force, self._attached, source.vector, history.validated)
        finally:
            if best is not None and shown is not None and history.epochs == epochs:
                if np.array_equal(shown, best.theta):
                    history.best, history.last = best, last
                net.theta[:] = shown
        if history.stopped == "diverged":
            _warn_of_divergence(history)
        elif not in_force.save_weights:
            self._few = Passes(self._fitted(), in_force.told(ONE_PASS), history)
        return self

    def save(self, path: "str | os.PathLike[str]") -> None:
        """Save the network, its options and the state of its training to a file.

        The file is an ``.npz`` without pickles, that `numpy.load` opens, too: ``weights_0`` and so
        on, of shape (n_in + 1, n_out), the state of training, and ``header.json``. It is written in
        one piece or not at all: a file that is there already stays as it is until then.
        `saved_weights`, callbacks and validation rows are not saved. What the update rule keeps is,
        and so is a schedule of `mlp_fast.schedules`; where ``learning_rate`` is another function,
        it must be given again to train the loaded network.

        Parameters
        ----------
        path : str or path
            Where to; used as it is, without a suffix being added.

        Raises
        ------
        NotFittedError
            If there are no weights yet.
        ValueError
            If a weight was set to a number that is not finite.
        OSError
            If it cannot be written.

        Examples
        --------
        >>> import tempfile
        >>> from mlp_fast import MLP
        >>> m = MLP().train([[0.0], [1.0]], [0.0, 1.0], 10)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     m.save(f"{folder}/m.npz")
        ...     print(MLP.load(f"{folder}/m.npz").resume([[0.0], [1.0]], [0.0, 1.0]).epochs_)
        20
        """
        self._fitted()
        net, history = self._as_ended()
        write(path, Saved(self._settings, self._in_force, net, history))

    @classmethod
    def load(cls, path: "str | os.PathLike[str]") -> Self:
        """Load a network that was saved, with its options and the state of its training.

        Nothing in the file is executed, and everything is checked, so a file may come from anyone.

        Parameters
        ----------
        path : str or path
            The file.

        Returns
        -------
        MLP
            The network.

        Raises
        ------
        ValueError
            If the file is none that `save` has written, or was altered or cut short since.
        OSError
            If it cannot be read.

        Examples
        --------
        >>> import tempfile
        >>> from mlp_fast import MLP
        >>> m = MLP().init_weights((2, 3, 1))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     m.save(f"{folder}/m.npz")
        ...     bool((MLP.load(f"{folder}/m.npz").predict([[0, 1]]) == m.predict([[0, 1]])).all())
        True
        """
        saved = read(path)
        m = cls.__new__(cls)  # a subclass may have arguments of its own
        MLP.__init__(m)
        m._settings = saved.settings
        m._set_net(saved.net, saved.in_force, saved.history)
        return m

    def export_onnx(self, path: "str | os.PathLike[str]") -> None:
        """Write what the network computes to an ONNX model, for programs without this package.

        The model (opset 17) has an input "X" of shape (k, n_in) and an output "Y" of shape
        (k, n_out), both of the network's dtype and for any number of rows k. Y is what `forward`
        returns, up to rounding. A sum that rounding alone puts above or below 0 may thus fall to
        the other side of a threshold. The file is written in one piece or not at all, as by `save`,
        and needs the extra ``onnx``. `MLP.load` does not read it.

        Parameters
        ----------
        path : str or path
            Where to; used as it is, without a suffix being added.

        Raises
        ------
        NotFittedError
            If there are no weights yet.
        ImportError
            If onnx is not installed.
        ValueError
            If a weight was set to a number that is not finite, or the model would be larger than
            the 2 GiB that ONNX files may have.
        OSError
            If it cannot be written.

        Examples
        --------
        >>> import tempfile
        >>> import numpy as np
        >>> import onnxruntime
        >>> from mlp_fast import MLP
        >>> m, X = MLP().init_weights((2, 3, 1)), np.array([[0.0, 1.0], [1.0, 1.0]])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     m.export_onnx(f"{folder}/m.onnx")
        ...     session = onnxruntime.InferenceSession(f"{folder}/m.onnx")
        >>> (Y,) = session.run(["Y"], {"X": X})
        >>> bool(np.allclose(Y, m.forward(X)))
        True
        """
        self._fitted()
        from mlp_fast import onnx_model  # which most programs do without

        net, _ = self._as_ended()
        onnx_model.write(path, net)

    @property
    def error_(self) -> float:
        """The error of the last epoch: see the class."""
        return self._known("error_").error

    @property
    def loss_curve_(self) -> NDArray[np.float64]:
        """The mean loss of each epoch, in a new array."""
        return self._known("loss_curve_").loss_curve

    @property
    def validation_loss_curve_(self) -> NDArray[np.float64]:
        """The validation loss after each epoch, in a new array."""
        curve = self._known("validation_loss_curve_").validation_loss_curve
        if not curve.size:
            raise AttributeError(
                "there is no validation_loss_curve_: train was given neither validation nor "
                "validation_fraction, or finished no epoch"
            )
        return curve

    @property
    def epochs_(self) -> int:
        """The number of epochs that were completed."""
        return self._known("epochs_").epochs

    @property
    def best_epoch_(self) -> int | None:
        """The epoch of the best loss, counted from 0; None if no epoch was finished."""
        return self._known("best_epoch_").best_epoch

    @property
    def stopped_(self) -> str:
        """Why training ended: see the class."""
        return self._known("stopped_").stopped

    def init_weights(self, layer_sizes: Any, random_state: int | None = AS_CONFIGURED) -> Self:
        """Draw fresh weights by `initialisation`; the options of `MLP` are in force again.

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
        self._check_idle("init_weights")
        sizes = all_sizes(layer_sizes)
        told = {"layer_sizes": sizes[1:-1], "random_state": random_state}
        settings = self._settings.told(given(told))
        random_state = fresh_seed() if settings.random_state is None else settings.random_state
        net = Net.fresh(settings, sizes, random_state, vector=False, train=False)
        self._set_net(net, settings, History(random_state))
        return self

    @property
    def weights(self) -> Weights:
        """A live view of each layer's weights, which must stay finite; see the class."""
        net = self._fitted()
        if not self._shows_weights:
            self._shows_weights = True
            if self._forward is not None:
                self._forward = self._forward._replace(theta=net.theta.copy())
        return Weights(net.layout, net.theta)

    @weights.setter
    def weights(self, weights: Any) -> None:
        net, history = self._fitted(), self._trained()
        theta = as_weights(weights, net.layout, net.dtype)
        if self._forward is not None and not np.array_equal(theta, net.theta):
            self._forward = None
        net.theta[:] = theta
        if self._running is None:  # what is set is what is gone on from, even if it is the best
            history.best = history.last = None

    @cached_property
    def outputs(self) -> list[Floats]:
        """The inputs that were last given to `forward`, and every layer's outputs; read-only."""
        if self._passed is None:
            raise AttributeError("there are no outputs: call forward first")
        return self._passed.outputs()

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
        net, state = self._fitted(), vars(self)
        if weights is not None:
            inputs = as_rows(X, net.dtype, net.layout.sizes[0])
            return net.recall(inputs, as_weights(weights, net.layout, net.dtype))
        state["_forward"] = None  # if this call fails, `backward` must not use the one before
        forward = self._passes.get("forward")
        if forward is None:
            forward = self._passes["forward"] = forwarding(net)
        copies = self._shows_weights or self._running is not None
        done = forward(X, copies)
        if done is None:
            inputs = as_rows(X, net.dtype, net.layout.sizes[0])
            done = forward(as_dense(inputs), copies)
            if done is None:
                raise not_finite(net.dtype)
        kept, answer = done
        state["_forward"] = state["_passed"] = kept
        state.pop("outputs", None)
        return answer

    def backward(self, T: ArrayLike, learning_rate: float | None = None) -> None:
        """Update the weights once, by the errors of the batch last given to `forward` (78).

        By the update rule in force, with L2 and clipping.

        Parameters
        ----------
        T : array_like, shape (k, n_out) or (k,)
            Targets of that batch.
        learning_rate : float, optional
            η; by default the one in force, a schedule's being that of the epoch that is next.

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
        self._check_idle("backward")
        if done is None or not done.is_of(net.theta):
            raise RuntimeError(
                "backward needs the outputs of a forward(X) just before it, with these weights"
            )
        backward = self._passes.get("backward")
        if backward is not None and backward.ordinary(done, T, learning_rate):
            self._forward = None
            return
        eta = self._rate(learning_rate)
        net.check_trainable()
        targets, _ = as_targets(T, net.dtype, done.samples.size)
        check_width(targets, net.layout.sizes[-1])
        check_targets(targets, net.output, net.loss)
        self._forward = None
        if backward is None:
            backward = Backward(net, self._in_force, self._trained())
            self._passes["backward"] = backward
        backward.checked(done, targets, eta)

    def step(
        self,
        x: ArrayLike,
        t: ArrayLike,
        learning_rate: float | None = None,
        sample_weight: float = 1.0,
    ) -> float:
        """Learn from one sample: one forward pass and one update (algorithm 2.4.1).

        By the update rule in force, with L2 and clipping.

        For samples that arrive one by one. If all are at hand, `train` with ``batch_size=1`` takes
        the same steps, up to rounding, without a call for each.

        Parameters
        ----------
        x : array_like, shape (n_in,), or one row of scipy.sparse CSR
            Inputs; a sparse row is made dense.
        t : array_like, shape (n_out,), or a number if there is one output
            Targets.
        learning_rate : float, optional
            η; by default the one in force, a schedule's being that of the epoch that is next.
        sample_weight : float, default 1.0
            How much the sample counts, 0 or more: its loss and its gradient are multiplied by it.

        Returns
        -------
        float
            The loss of the sample before the update, weighted, and with the penalty if there is
            ``l2``.

        Raises
        ------
        NotFittedError
            If there are no weights yet: see `init_weights`.
        ValueError, TypeError
            If an array is invalid, or the update rule in force is for full batches only; the
            network is then unchanged.

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
        steps = self._steps
        if steps is not None and self._running is None:
            loss = steps.ordinary(x, t, learning_rate, sample_weight)
            if loss is not None:
                if self._forward is not None:
                    self._forward = None
                return loss
        net, rule = self._fitted(), self._in_force.optimizer
        self._check_idle("step")
        if rule.full_batch:
            raise ValueError(f"step needs another optimizer than {rule!r}, for full batches only")
        eta = self._rate(learning_rate)
        plain = type(sample_weight) is float and sample_weight == 1.0  # the check takes longer
        weight = 1.0 if plain else as_sample_weight(sample_weight)
        net.check_trainable()
        inputs = as_sample(x, net.dtype, net.layout.sizes[0])
        targets = as_target(t, net.dtype, net.layout.sizes[-1])
        check_targets(targets.reshape(1, -1), net.output, net.loss, "t")
        self._forward = None
        if steps is None:
            steps = self._steps = Steps(net, self._in_force, self._trained())
        return steps.checked(inputs, targets, eta, weight)

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
        if weights is None and (answer := self._ordinary("predict", X)) is not None:
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
        if output is not SIGMOID and output is not SOFTMAX:
            raise ValueError(
                "predict_proba needs output_activation 'sigmoid' or 'softmax', whose outputs are "
                f"probabilities; got {output.name!r}: predict returns its outputs"
            )
        if weights is None and (answer := self._ordinary("predict_proba", X)) is not None:
            return answer
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
        if weights is None and (answer := self._ordinary("predict_classes", X)) is not None:
            return answer
        return self._fitted().classes(self._answer(X, weights))

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

    def hidden_outputs(self, X: ArrayLike) -> list[Floats]:
        """Compute the outputs of every hidden layer (69), such as features for another model.

        Unlike `forward`, it keeps nothing for `backward`, and sparse rows stay sparse.

        Parameters
        ----------
        X : array_like or scipy.sparse CSR, shape (k, n_in)
            Inputs.

        Returns
        -------
        list of ndarray
            A new array of shape (k, n) for each hidden layer of n neurons; empty if there is none.

        Raises
        ------
        NotFittedError
            If there are no weights yet.
        ValueError
            If X is invalid, or an output is not finite.

        Examples
        --------
        >>> from mlp_fast import MLP
        >>> m = MLP().init_weights((2, 5, 3, 1))
        >>> [A.shape for A in m.hidden_outputs([[0, 1], [1, 1]])]
        [(2, 5), (2, 3)]
        """
        net = self._fitted()
        return net.hidden_outputs(as_rows(X, net.dtype, net.layout.sizes[0]))

    def loss(self, X: ArrayLike, T: ArrayLike) -> float:
        """Compute the mean loss over examples, by the weights as they are; nothing is changed.

        Parameters
        ----------
        X : array_like or scipy.sparse CSR, shape (k, n_in)
            Inputs.
        T : array_like, shape (k, n_out) or (k,)
            Targets.

        Returns
        -------
        float
            The mean over the rows of the network's loss, for the squared error that of (48), with
            the penalty λ/2 Σw² if there is ``l2``.

        Raises
        ------
        NotFittedError
            If there are no weights yet.
        ValueError, TypeError
            If an array is invalid, the loss is not finite, or the outputs are for recall only and
            the loss is not the squared error.

        Examples
        --------
        >>> from mlp_fast import MLP
        >>> m = MLP(output_activation="linear").init_weights((1, 1))
        >>> m.weights = [[[0.0], [2.0]]]
        >>> m.loss([[1.0], [3.0]], [1.0, 6.0])  # of errors 1 and 0
        0.25
        """
        net = self._fitted()
        net.check_loss()
        return Objective(net, self._in_force, self._examples(X, T)).value()

    def gradient(self, X: ArrayLike, T: ArrayLike) -> list[Floats]:
        """Compute the gradient of `loss` with respect to the weights (77); nothing is changed.

        For optimisers other than `train`, such as those of `scipy.optimize`.

        Parameters
        ----------
        X : array_like or scipy.sparse CSR, shape (k, n_in)
            Inputs.
        T : array_like, shape (k, n_out) or (k,)
            Targets.

        Returns
        -------
        list of ndarray
            A new array of shape (n_in + 1, n_out) for each layer, like `weights`; row 0 belongs to
            the bias node, whose output is -1.

        Raises
        ------
        NotFittedError
            If there are no weights yet.
        ValueError, TypeError
            If an array is invalid, the gradient is not finite, or an activation has no derivative.

        Examples
        --------
        >>> from mlp_fast import MLP
        >>> m = MLP(output_activation="linear").init_weights((1, 1))
        >>> m.weights = [[[0.0], [2.0]]]
        >>> m.gradient([[1.0], [3.0]], [1.0, 6.0])  # of errors 1 and 0
        [array([[-0.5],
               [ 0.5]])]
        """
        net = self._fitted()
        net.check_trainable()
        return Objective(net, self._in_force, self._examples(X, T)).gradient()

    def input_gradient(self, X: ArrayLike, T: ArrayLike) -> Floats:
        """Compute the derivative of ``m.loss(X, T)`` with respect to X; nothing is changed.

        That is the mean loss over the k rows, of which a row's own loss is the k-th part: the
        derivative of a row's own loss is k times its row here. With a single row they are the same.

        Parameters
        ----------
        X : array_like or scipy.sparse CSR, shape (k, n_in)
            Inputs.
        T : array_like, shape (k, n_out) or (k,)
            Targets.

        Returns
        -------
        ndarray, shape (k, n_in)
            A new array, dense for sparse rows, too, with the derivatives by inputs that are 0.

        Raises
        ------
        NotFittedError
            If there are no weights yet.
        ValueError, TypeError
            If an array is invalid, a derivative is not finite, or an activation has none.

        Examples
        --------
        >>> from mlp_fast import MLP
        >>> m = MLP(output_activation="linear").init_weights((1, 1))
        >>> m.weights = [[[0.0], [2.0]]]
        >>> m.input_gradient([[1.0], [3.0]], [1.0, 7.0])  # of errors 1 and -1
        array([[ 1.],
               [-1.]])
        """
        net = self._fitted()
        net.check_trainable()
        return input_gradient(net, self._examples(X, T))

    def summary(self) -> str:
        """Describe the network: its layers in a table, then its training.

        Returns
        -------
        str
            A line for each layer, with the shape of its weights, its activation and the number of
            its parameters, biases included; their total; loss, update rule and epochs trained.

        Raises
        ------
        NotFittedError
            If there are no weights yet.

        Examples
        --------
        >>> from mlp_fast import MLP
        >>> print(MLP(activation="tanh").init_weights((8, 50, 1)).summary())
        MLP of 8 inputs, float64
        layer     weights  activation  parameters
        1 hidden  (9, 50)  tanh               450
        2 output  (51, 1)  sigmoid             51
        total                                 501
        loss: squared_error
        update rule: sgd, learning_rate 0.01
        epochs trained: 0
        """
        return summary(self._fitted(), self._in_force, self._trained())

    def _examples(self, X: ArrayLike, T: ArrayLike) -> Examples:
        """Check examples that this network can have answers to."""
        net = self._fitted()
        sizes = net.layout.sizes
        examples = as_examples(X, T, net.dtype, sizes[0], sizes[-1])
        check_targets(examples.T, net.output, net.loss)
        return examples

    def _rate(self, learning_rate: float | None) -> float:
        settings = self._in_force
        if learning_rate is None:
            return settings.rate(self._trained().epochs)
        return settings.told({"learning_rate": positive("learning_rate", learning_rate)}).rate(0)

    def _ordinary(self, call: str, X: Any) -> NDArray[Any] | None:
        """Return what a call answers to ordinary rows; None if they are anything else."""
        answering = self._answering.get(call)
        if answering is None:
            answering = self._answering[call] = self._fitted().answering(call)
        answer = answering(X)
        if answer is not None and self._forward is not None:  # an assignment takes longer
            self._forward = None
        return answer

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

    def _trained(self) -> History:
        """Return the history, which is there wherever weights are."""
        assert self._history is not None
        return self._history

    def _known(self, name: str) -> History:
        """Return the history for an attribute that a training leaves behind."""
        history = self._history
        if history is None or not history.started:
            raise AttributeError(f"there is no {name}: this MLP was not trained yet")
        return history

    def _check_idle(self, call: str) -> None:
        """Check that the network is not being trained, by this thread or by another."""
        if self._running is not None:
            raise RuntimeError(
                f"{call} cannot be called while the network is being trained: by a callback, or "
                "from another thread"
            )

    def _check_fixed(self, options: dict[str, Any]) -> None:
        """Check that options which a network is made with are as they are."""
        for name, value in options.items():
            now = getattr(self._in_force, name)
            if name == "random_state" and value == self._trained().seed:
                continue
            if CHECKS[name](value) != now:
                raise ValueError(
                    f"{name} must be {now!r} in resume, as the network was made with it; got "
                    f"{value!r}: train makes another network"
                )

    def _as_ended(self) -> tuple[Net, History]:
        """Return network and history as they would be if training had ended by now."""
        net, history, run = self._fitted(), self._trained(), self._running
        if run is not None:
            theta, last = history.shown(run.theta)
            net, history = net._replace(theta=theta), replace(history, last=last, rule=run.rule)
        return net, history

    def _snapshot(self, in_place: bool) -> dict[str, Any]:
        """Return the state of this network, to which `_restore` can return.

        Of its weights and its history it has copies only if they will change in place.
        """
        state = vars(self).copy()
        if in_place and self._net is not None:
            state["_theta"], state["_history"] = self._net.theta.copy(), self._trained().twin()
        return state

    def _restore(self, state: dict[str, Any]) -> None:
        theta = state.pop("_theta", None)
        vars(self).clear()
        vars(self).update(state, **_no_entries())
        if theta is not None and self._net is not None:
            self._net.theta[:] = theta  # in place, for views that users have

    def _set_net(
        self,
        net: Net,
        settings: Settings,
        history: History,
        attached: Attached = NOTHING,
    ) -> None:
        """Replace the network, and drop the results of the one before."""
        state = vars(self)
        for name in ("saved_weights", "outputs"):
            state.pop(name, None)
        state["_passed"] = None
        state.update(_net=net, _in_force=settings, _history=history, _attached=attached)
        state.update(_forward=None, **_no_entries())

    def _begin(self, net: Net, settings: Settings, history: History, attached: Attached) -> None:
        """Replace the network by one that is to be trained."""
        self._set_net(net, settings, history, attached)
        history.validated = attached.validation is not None
        if settings.save_weights:
            self.saved_weights = [self.weights.copy()]

    def _continue(
        self, settings: Settings, attached: Attached, vector: bool, validated: bool
    ) -> None:
        """Go on from the last weights, with what `resume` or `partial_train` was given."""
        state, net, history = vars(self), self._fitted(), self._trained()
        history.show_last(net.theta)
        history.validated = validated
        state.pop("outputs", None)
        state["_passed"] = None
        if net.vector != vector:
            state["_net"] = net._replace(vector=vector)
        state.update(_in_force=settings, _attached=attached, _forward=None, **_no_entries())
        if settings.save_weights:
            state["saved_weights"] = [*state.get("saved_weights", [self.weights.copy()])]


ONE_PASS = {
    "epochs": 1,
    "shuffle": False,
    "orders": None,
    "validation_fraction": None,
    "patience": None,
    "verbose": 0,
    "progress": False,
}
"""What `partial_train` takes in place of the options in force."""


def _no_entries() -> dict[str, Any]:
    """Return the attributes that quick entries are in, without any: what they know may change."""
    return {"_answering": {}, "_passes": {}, "_steps": None, "_few": None}


def _fresh(
    settings: Settings, source: Examples | Chunks, weights: Any = None
) -> tuple[Net, History]:
    """Return a network for what it is to be trained on, and the beginning of its history."""
    seed = fresh_seed() if settings.random_state is None else settings.random_state
    sizes = (source.n_in, *settings.layer_sizes, source.n_out)
    return Net.fresh(settings, sizes, seed, source.vector, weights=weights), History(seed)


def _warn_of_divergence(history: History) -> None:
    kept = "those before that epoch"
    if history.last is not None:
        kept = "those of the best epoch, and resume goes on from those before that epoch"
    warn(
        f"training diverged in epoch {history.epochs} (counted from 0): a loss or a weight is no "
        f"longer finite. The weights are {kept}; a smaller learning_rate or scaled inputs may "
        "help.",
        RuntimeWarning,
    )
