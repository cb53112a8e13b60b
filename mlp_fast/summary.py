"""A network and its training in a few lines of text."""

from mlp_fast.history import History
from mlp_fast.net import Net
from mlp_fast.settings import Settings

HEAD = "layer", "weights", "activation", "parameters"


def summary(net: Net, in_force: Settings, history: History) -> str:
    """Return a table of the layers, then the loss, the update rule and the epochs trained."""
    layout, last = net.layout, len(net.activations)
    rows = [HEAD]
    for l, (shape, g, beta) in enumerate(
        zip(layout.shapes, net.activations, layout.betas, strict=True), 1
    ):
        name = f"{l} {'output' if l == last else 'hidden'}"
        steepness = "" if beta == 1.0 else f", beta {beta:g}"
        rows.append((name, str(shape), g.name + steepness, f"{shape[0] * shape[1]:,}"))
    rows.append(("total", "", "", f"{layout.shape.n_weights:,}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join([*map(str.ljust, row[:3], widths), row[3].rjust(widths[3])]) for row in rows]
    return "\n".join(
        [
            f"MLP of {layout.sizes[0]:,} inputs, {net.dtype}",
            *lines,
            f"loss: {net.loss.name}",
            f"update rule: {update_rule(in_force)}",
            f"epochs trained: {history.epochs:,}",
        ]
    )


def update_rule(in_force: Settings) -> str:
    """Return how the weights are updated, in words."""
    rule, rate = in_force.optimizer, in_force.learning_rate
    from mlp_fast.optimizers import OPTIMIZERS  # slow to import

    default = OPTIMIZERS.get(rule.name)
    words = [rule.name if default is not None and rule == default() else repr(rule)]
    if not rule.full_batch:
        words.append(f"learning_rate {rate:g}" if isinstance(rate, float) else f"{rate!r}")
    if in_force.l2:
        words.append(f"l2 {in_force.l2:g}")
    if in_force.clip_norm is not None:
        words.append(f"clip_norm {in_force.clip_norm:g}")
    return ", ".join(words)
