"""What a training leaves behind, to the bit, for comparisons of whole networks."""

import numpy as np


def bits(m):
    """Return the weights."""
    return [W.tobytes() for W in m.weights]


def kept_by(rule):
    """Return what an update rule keeps."""
    return rule.name, [*rule.arrays], [A.tobytes() for A in rule.all_arrays]


def state(m, ended=True):
    """Return all that is kept of a training; why it ended only if that is to be the same."""
    history = m._history
    last, best = history.last, history.best
    return {
        "weights": bits(m),
        "last": None if last is None else last.tobytes(),
        "best": best and (best.epoch, best.loss, best.theta.tobytes()),
        "rule": history.rule and kept_by(history.rule),
        "loss": history.loss_curve.tobytes(),
        "validation": history.validation_loss_curve.tobytes(),
        "counts": (history.epochs, history.passes, history.seed, history.best_epoch),
        "error": np.float64(history.error).tobytes(),
        "stopped": history.stopped if ended else None,
    }


def everything(m, X):
    """Return, besides, the options, what was saved, and how it answers to some rows."""
    return {
        **state(m),
        "validated": m._history.validated,
        "options": (m.settings, m.in_force),
        "vector": m._net.vector,
        "answers": m.predict(X).tobytes(),
        "saved": [[W.tobytes() for W in saved] for saved in getattr(m, "saved_weights", [])],
    }
