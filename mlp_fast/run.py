"""A run of epochs: what is done between them, and when and why it ends."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from mlp_fast.attached import Attached, Callback
from mlp_fast.bar import NO_BAR, Bar
from mlp_fast.boundary.arrays import read_only
from mlp_fast.boundary.chunks import Chunks
from mlp_fast.boundary.examples import Examples, as_examples
from mlp_fast.boundary.orders import check_orders
from mlp_fast.boundary.sample_weights import relative
from mlp_fast.boundary.targets import check_targets
from mlp_fast.chunked import ChunkedTraining
from mlp_fast.history import History
from mlp_fast.interrupts import Interrupts
from mlp_fast.kernels.linalg.finite import all_finite
from mlp_fast.kernels.simd.types import Floats
from mlp_fast.learning import Learner
from mlp_fast.memory import check_epochs
from mlp_fast.net import Net
from mlp_fast.rule_state import RuleState
from mlp_fast.settings import Settings
from mlp_fast.training import Training
from mlp_fast.validation import Validation, hold_out
from mlp_fast.warn import warn

if TYPE_CHECKING:
    from mlp_fast.mlp import MLP

VALIDATION = "validation[0]", "validation[1]"  # what errors call its rows and their targets


class Run:
    """Train a network for some epochs, or until there is a reason to stop.

    However it ends, the network stands where it was after the last complete epoch; with patience it
    then shows the weights after the best one.

    Parameters
    ----------
    m : MLP
        Whose network it is, for callbacks and checkpoints.
    net : Net
        The network, whose weights are updated in place.
    history : History
        What is kept of its training.
    settings : Settings
        The options in force.
    attached : Attached
        What is told besides.
    source : Examples or Chunks
        What to train on.
    found : Net or None
        What network the `MLP` had when it was called.

    Raises
    ------
    ValueError, TypeError
        If targets, orders or validation rows do not go with the network, or with one another.
    """

    def __init__(
        self,
        m: "MLP",
        net: Net,
        history: History,
        settings: Settings,
        attached: Attached,
        source: Examples | Chunks,
        found: Net | None,
    ) -> None:
        self._m, self._net, self._history, self._found = m, net, history, found
        self._validation: Validation | None = None
        self._training: Training | ChunkedTraining | None = None
        self._settings, self._attached = settings, attached
        net.check_trainable()
        check_epochs(settings.epochs)
        if isinstance(source, Examples):
            check_targets(source.T, net.output, net.loss)
            if settings.orders is not None:
                check_orders(settings.orders, settings.epochs, source.k)
        elif settings.orders is not None:
            raise ValueError("orders must be None for chunks, each of which is shuffled for itself")
        self._scheduled = callable(settings.learning_rate)
        self._rate = settings.rate(history.epochs)
        self.source, self._held_out = self._split(source)
        if isinstance(self.source, Examples) and self.source.relative:
            self.source = self.source._replace(weights=relative(self.source.weights))
        self._interrupts, self._bar = Interrupts(), self._new_bar()
        self._in_epoch = False  # whether the weights are somewhere between two epochs
        self._first = history.epochs  # the epochs of this run are counted from here
        self._saved: tuple[int, str] | None = None  # after which epoch, and why it had ended
        self._looks_at_all = (  # whether there is something to do after every epoch
            self._held_out is not None
            or attached.callback is not None
            or settings.patience is not None
            or settings.save_weights
            or self._scheduled
        )
        self._looks_at_some = (
            self._looks_at_all or settings.verbose or attached.checkpoint is not None
        )

    def go(self, begin: Callable[..., None], *arguments: Any) -> None:
        """Train.

        Parameters
        ----------
        begin : callable
            Makes the network and its options those of the `MLP`; called when nothing can be refused
            any more, but chunks.
        *arguments
            What it is called with.

        Raises
        ------
        ValueError, TypeError
            If a chunk is invalid; nothing has then changed.
        """
        m, before = self._m, {}
        with self._interrupts, self._bar:
            self._claim()
            try:
                if isinstance(self.source, Chunks):
                    before = m._snapshot(in_place=m._net is self._net)
                begin(*arguments)
                self._train()
            except (ValueError, TypeError):
                if self._is_refused:
                    m._restore(before)
                raise
            finally:
                vars(m).pop("_running", None)

    def _claim(self) -> None:
        """Have nothing else train the network, by any thread, from now on."""
        state = vars(self._m)
        while state.setdefault("_running", self) is not self:  # a call that no thread cuts in two
            self._m._check_idle("training")
        if self._m._net is not self._found:
            del state["_running"]
            raise RuntimeError("the network was replaced while its examples were checked")

    @property
    def theta(self) -> Floats:
        """The weights after the last complete epoch, or what a callback has made of them."""
        return self._training.kept.theta if self._training and self._in_epoch else self._net.theta

    @property
    def rule(self) -> RuleState | None:
        """What the update rule kept then."""
        training = self._training
        return training.kept.rule if training and self._in_epoch else self._history.rule

    @property
    def _is_refused(self) -> bool:
        """Whether a chunk was refused; not so if Ctrl-C or an error of its own ended the run."""
        return isinstance(self.source, Chunks) and self.source.refused

    def _train(self) -> None:
        """Train, and leave the network in a state that it can be left in."""
        history, held_out = self._history, self._held_out
        try:
            self._validation = None if held_out is None else Validation(self._net, held_out)
            self._training = self._new_training()
            self._prepare_best()
            history.started, history.stopped = True, "interrupted"
            if isinstance(self.source, Examples):  # a chunk may be refused, with all that followed
                self._save_checkpoint()
            history.stopped = self._epochs()
        except (ValueError, TypeError):
            self._end(save=not self._is_refused)
            raise
        except BaseException:
            self._end()
            raise
        self._end()

    def _end(self, save: bool = True) -> None:
        """Leave the weights of the last complete epoch or, with patience, of the best one."""
        theta, training = self._net.theta, self._training
        self._in_epoch = False
        if training is not None:
            training.kept.restore()
        kept = theta.copy() if training is None else training.kept.theta
        self._history.show_best(theta, kept)
        if save:
            self._save_checkpoint()

    def _epochs(self) -> str:
        """Train epoch by epoch; return why it ended."""
        done, epochs, training = 0, self._settings.epochs, self._training
        assert training is not None
        while done < epochs:
            if self._scheduled and done > 0:
                self._rate = self._settings.rate(self._history.epochs)
                training.learn_at(self._rate)
            done = self._next_look(done) if self._looks_at_some else epochs
            self._in_epoch = True
            is_finite = training.run(done)
            self._in_epoch = False
            if not is_finite:
                return "diverged"
            stopped = self._look(done) if self._looks_at_some else ""
            if stopped:
                return stopped
            self._interrupts.check()
        return "epochs"

    def _next_look(self, done: int) -> int:
        """Return after how many epochs of this run something other than training is to be done."""
        settings, attached = self._settings, self._attached
        if self._looks_at_all:
            return done + 1
        look = settings.epochs
        if settings.verbose:
            look = min(look, done + 1 + -done % self._tenth)
        if attached.checkpoint is not None:
            every = attached.checkpoint_every
            look = min(look, done + every - (self._first + done) % every)
        return look

    def _look(self, done: int) -> str:
        """Do what is to be done between epochs; return why to stop, or nothing."""
        history, settings, attached = self._history, self._settings, self._attached
        stopped, validation_loss = "", None
        if self._validation is not None:
            validation_loss = self._validation.loss()
            history.add_validation_loss(validation_loss)
            self._bar.show(history)
        if settings.patience is not None and self._is_exhausted(settings.patience):
            history.stopped = stopped = "patience"  # also in files that a callback saves
        if settings.save_weights:
            self._m.saved_weights.append(self._m.weights.copy())
        if attached.callback is not None and self._call(attached.callback, validation_loss):
            stopped = "callback"
        is_due = done == settings.epochs or (done - 1) % self._tenth == 0
        if settings.verbose and (stopped or is_due):
            print(f"epoch: {history.epochs - 1}  error: {history.error}")
        is_last = stopped or done == settings.epochs  # which the end saves
        if not is_last and history.epochs % attached.checkpoint_every == 0:
            self._save_checkpoint()
        return stopped

    @property
    def _tenth(self) -> int:
        """After how many epochs the error is printed."""
        return max(1, self._settings.epochs // 10)

    def _prepare_best(self) -> None:
        """Have the best weights judged as those to come are; forget them where that cannot be."""
        history, validation, best = self._history, self._validation, self._history.best
        patience = self._settings.patience
        if patience is not None and history.is_exhausted(patience):
            history.waits_from = history.epochs  # to be resumed is to be given as much again
        if best is None:
            return
        if patience is None or best.of_validation != (validation is not None):
            history.best = None
        elif validation is not None:  # these may be other rows
            history.best = best._replace(loss=validation.loss(best.theta))

    def _is_exhausted(self, patience: int) -> bool:
        """Keep the weights if they are the best so far; return whether that was too long ago."""
        history, of_validation = self._history, self._validation is not None
        loss = (history.validation_loss if of_validation else history.loss)[-1]
        if history.is_better(loss, self._settings.tol):
            history.keep_best(loss, self._net.theta, of_validation)
        return history.is_exhausted(patience)

    def _call(self, callback: Callback, validation_loss: float | None) -> bool:
        """Call the callback; return whether it says to stop."""
        history, theta = self._history, self._net.theta
        logs = {
            "loss": history.loss[-1],
            "validation_loss": validation_loss,
            "learning_rate": self._rate,
        }
        try:
            with self._interrupts.allowed():
                answer = callback(history.epochs - 1, self._m, logs)
            if not all_finite(read_only(theta)):
                raise ValueError(
                    "callback must leave the network's weights finite; they are those of before it"
                )
        except Exception:
            history.stopped = "callback"
            raise
        if self._training is not None:
            self._training.kept.keep()
        return answer is True or (isinstance(answer, np.bool_) and bool(answer))

    def _save_checkpoint(self) -> None:
        """Save the network if there is a checkpoint that is not of this epoch and this end yet."""
        path, now = self._attached.checkpoint, (self._history.epochs, self._history.stopped)
        if path is None or self._saved == now:
            return
        try:
            self._m.save(path)
            self._saved = now
        except (OSError, ValueError) as error:  # of a path that has become a pipe, say
            warn(
                f"the checkpoint could not be written, its file is as it was, and training goes "
                f"on: {error}",
                RuntimeWarning,
            )

    def _split(self, source: Examples | Chunks) -> tuple[Examples | Chunks, Examples | None]:
        """Return what to train on, and the validation rows."""
        net, settings, given = self._net, self._settings, self._attached.validation
        fraction = settings.validation_fraction
        if fraction is None:
            if given is None:
                return source, None
            sizes = net.layout.sizes
            rows = as_examples(*given, net.dtype, sizes[0], sizes[-1], VALIDATION)
            check_targets(rows.T, net.output, net.loss, VALIDATION[1])
            return source, rows
        if given is not None:
            raise ValueError(
                f"validation must be None if there is a validation_fraction; got both "
                f"(validation_fraction={fraction!r})"
            )
        if isinstance(source, Chunks) or settings.orders is not None:
            raise ValueError(
                "validation_fraction must be None for chunks and with orders: give "
                f"validation=(X, T) instead; got {fraction!r}"
            )
        return hold_out(source, fraction, self._history.seed)

    def _new_bar(self) -> Bar:
        settings, source = self._settings, self.source
        if not settings.progress:
            return NO_BAR
        return Bar(settings.epochs * source.k if isinstance(source, Examples) else None)

    def _new_training(self) -> Training | ChunkedTraining:
        learner = Learner(self._net, self._settings, self._history)
        learner.prepare()
        told = self._rate, self._interrupts, self._bar
        if isinstance(self.source, Chunks):
            return ChunkedTraining(learner, self.source, *told)
        return Training(learner, self.source, *told)
