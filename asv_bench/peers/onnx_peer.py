"""ONNX Runtime, the C++ library that runs exported networks; it answers, and does not learn."""

from collections.abc import Callable
from typing import Any

import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from mlp_fast import MLP
from peers.caller import Arguments, Call, Caller, Ours
from peers.peer import Array, Job

OPERATORS = {"sigmoid": "Sigmoid", "tanh": "Tanh", "relu": "Relu", "softmax": "Softmax"}
OPSET, IR = 17, 8
TYPES = {"float32": TensorProto.FLOAT, "float64": TensorProto.DOUBLE}


def session_of(m: MLP) -> onnxruntime.InferenceSession:
    """Return a session of one thread, with the input X and the output Y."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(_exported(m), options, ["CPUExecutionProvider"])


def _exported(m: MLP) -> bytes:
    """Return a model of a Gemm and an activation for each layer.

    These are the quickest operators. `MLP.export_onnx` takes others where these are less exact.
    """
    weights, settings = m.weights.copy(), m.settings
    hidden = [settings.activation] * (len(weights) - 1)
    nodes, arrays, below = [], [], "X"
    for l, (V, name) in enumerate(zip(weights, [*hidden, settings.output_activation], strict=True)):
        h, last = f"h{l}", l == len(weights) - 1
        arrays += [
            numpy_helper.from_array(V[1:].copy(), f"W{l}"),
            numpy_helper.from_array(-V[0], f"b{l}"),
        ]
        nodes.append(helper.make_node("Gemm", [below, f"W{l}", f"b{l}"], [h]))
        below = "Y" if last else f"a{l}"
        nodes.append(helper.make_node(OPERATORS.get(name, "Identity"), [h], [below]))
    kind, widths = TYPES[settings.dtype], (len(weights[0]) - 1, weights[-1].shape[1])
    X, Y = (
        helper.make_tensor_value_info(name, kind, ["rows", width])
        for name, width in zip("XY", widths, strict=True)
    )
    graph = helper.make_graph(nodes, "mlp", [X], [Y], arrays)
    opset = helper.make_opsetid("", OPSET)
    return helper.make_model(graph, opset_imports=[opset], ir_version=IR).SerializeToString()


class OnnxRuntime(Caller):
    """`run` of a session, whose answers are the outputs, whatever is asked for."""

    def __init__(self, job: Job, call: Call) -> None:
        super().__init__(job, call)
        if call.learns:
            raise NotImplementedError("ONNX Runtime does not learn")
        self.session = session_of(Ours(job, call).net)

    @property
    def function(self) -> Callable[..., Any]:
        return self.session.run

    def arguments(self, X: Array, T: Array) -> Arguments:
        return ["Y"], {"X": X}
