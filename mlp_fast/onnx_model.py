"""A network as an ONNX model: what `MLP.export_onnx` writes.

Every layer is a Gemm, whose bias is that of the bias node, -1, and then the few operators of its
activation. ONNX Runtime has all of them in float64, too.
"""

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from mlp_fast.archive import check_writable, write_bytes
from mlp_fast.extras import extra
from mlp_fast.layout import Layout
from mlp_fast.net import Net
from mlp_fast.saving import check_finite

OPSET = 17  # of 2022: the operators are the same in later ones, but older readers know this one
LARGEST = 2**31 - 1  # bytes that a protobuf can be read from
BESIDES = 2**10  # bytes of a layer besides its weights, at the most

Step = tuple[Any, ...]  # an operator, and the constants it takes besides what comes before it

FORMULAS: dict[str, Callable[[float], list[Step]]] = {
    # Sigmoid would be shorter, but ONNX Runtime's has one digit at -14 in float32, and is 0 from
    # -18 on. Where exp overflows, this is 0.
    "sigmoid": lambda beta: [("Mul", -beta), ("Exp",), ("Add", 1.0), ("Reciprocal",)],
    "tanh": lambda beta: [("Tanh",), ("Clip", -1.0, 1.0)],  # ONNX Runtime's may be above 1
    "linear": lambda beta: [],
    "relu": lambda beta: [("Relu",)],
    "exponential": lambda beta: [("Exp",)],
    "softmax": lambda beta: [("Softmax",)],  # along the last axis, which is the default
    "threshold": lambda beta: [("Greater", 0.0), ("Where", 1.0, 0.0)],
}
"""The operators of each activation, one after the other, given beta."""


def write(path: "str | os.PathLike[str]", net: Net) -> None:
    """Write what a network computes to a file, in one piece or not at all.

    Raises
    ------
    ImportError
        If onnx is not installed.
    ValueError
        If a weight is not finite, or the file would be too large.
    OSError
        If the file cannot be written.
    """
    extra("onnx", "onnx")
    check_writable(path)
    check_finite(net.theta, "exported")
    _check_size(net.layout)
    write_bytes(path, _model(net).SerializeToString())


def _check_size(layout: Layout) -> None:
    size = layout.shape.n_weights * layout.dtype.itemsize + BESIDES * len(layout.shapes)
    if size > LARGEST:
        raise ValueError(
            f"weights must fit in {LARGEST:,} bytes to be exported, which is the limit of ONNX "
            f"files; {'-'.join(map(str, layout.sizes))}, input and output included, needs {size:,} "
            f"as {layout.dtype_name}"
        )


def _model(net: Net) -> Any:
    """Return the model, an `onnx.ModelProto`."""
    from mlp_fast import __version__

    helper = extra("onnx.helper", "onnx")
    graph = _Graph(net.layout.dtype)
    layers = zip(net.layout.views(net.theta), net.activations, net.layout.betas, strict=True)
    value = "X"
    for l, (W, g, beta) in enumerate(layers, 1):
        steps = [("Gemm", W[1:], -W[0]), *_formula(g.name, beta)]
        for i, (operator, *constants) in enumerate(steps, 1):
            last = l == len(net.activations) and i == len(steps)
            value = graph.add(operator, value, constants, "Y" if last else f"{operator}_{l}")
    opsets = [helper.make_opsetid("", OPSET)]
    return helper.make_model(
        graph.made(*net.widths),
        opset_imports=opsets,
        ir_version=helper.find_min_ir_version_for(opsets),
        producer_name="mlp_fast",
        producer_version=__version__,
    )


def _formula(name: str, beta: float) -> list[Step]:
    if name not in FORMULAS:
        raise ValueError(
            f"activation must be one of {', '.join(map(repr, FORMULAS))} to be exported; got "
            f"{name!r}"
        )
    return FORMULAS[name](beta)


class _Graph:
    """Nodes of a graph, each of which takes what the one before it gives, and their constants."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(self, operator: str, value: str, constants: list[Any], output: str) -> str:
        """Add a node that takes a value and constants. Return the name of its output."""
        from_array = extra("onnx.numpy_helper", "onnx").from_array
        names = [f"{output}_{i}" for i in range(1, len(constants) + 1)]
        for name, constant in zip(names, constants, strict=True):
            self.constants.append(from_array(np.asarray(constant, self.dtype), name))
        make_node = extra("onnx.helper", "onnx").make_node
        self.nodes.append(make_node(operator, [value, *names], [output], output))
        return output

    def made(self, n_in: int, n_out: int) -> Any:
        """Return the graph from X to Y, whose rows are as many as there are."""
        helper = extra("onnx.helper", "onnx")
        element = helper.np_dtype_to_tensor_dtype(self.dtype)
        X, Y = (
            helper.make_tensor_value_info(name, element, ["batch", n])
            for name, n in (("X", n_in), ("Y", n_out))
        )
        return helper.make_graph(self.nodes, "MLP", [X], [Y], self.constants)
