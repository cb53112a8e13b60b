"""Training and recall give the same bits for every CPU that Numba can compile for."""

import functools
import hashlib
import itertools
import os
import subprocess
import sys
from pathlib import Path

import llvmlite.binding as llvm
import numpy as np
import pytest
import scipy.sparse as sp
from cases import DTYPES, HIDDEN, LEGAL_PAIRS, make_betas, make_data

import mlp_fast
from mlp_fast import MLP
from mlp_fast.kernels.online import train_in_blocks

TARGETS = {  # and a feature without which this machine cannot run what is compiled for it
    "haswell": "avx2",
    "skylake-avx512": "avx512vl",
    "znver4": "avx512vnni",
}
WIDTHS = [(1,), (3,), (17, 3), (100,), ()]


@functools.cache
def digest(form=np.asarray, batch_size=1):
    """Hash the weights after training in every way, on rows in some form."""
    sha = hashlib.sha256()
    cases = itertools.product(LEGAL_PAIRS, HIDDEN, WIDTHS, (2, 17, 70), (0.0, 0.8), (1, 3), DTYPES)
    for (output, loss), hidden, widths, n_in, zeros, n_out, dtype in cases:
        if output == "softmax" and n_out == 1:
            continue
        X, T = make_data(output, k=20, n_in=n_in, n_out=n_out)
        X[np.random.default_rng(1).random(X.shape) < zeros] = 0
        options = {"activation": hidden, "output_activation": output, "loss": loss}
        betas = make_betas([hidden] * len(widths) + [output])
        m = MLP(layer_sizes=widths, batch_size=batch_size, dtype=dtype, beta=betas, **options)
        m.train(form(X), T, 3, learning_rate=0.01)
        for W in m.weights:
            sha.update(np.ascontiguousarray(W).tobytes())
        sha.update(m.predict(X).tobytes())
    return sha.hexdigest()


def in_a_process(code, cache, **environment):
    paths = [Path(__file__).parent, Path(mlp_fast.__file__).parents[1]]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "MLP_FAST_CACHE_DIR": str(cache),
        **environment,
    }
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("target", TARGETS)
def test_weights_have_the_same_bits_on_every_target(target, tmp_path):
    if not llvm.get_host_cpu_features().get(TARGETS[target]):
        pytest.skip(f"this machine cannot run {target}: it has no {TARGETS[target]}")
    code = "import test_bits as t; print(t.digest(), t.digest(t.sp.csr_array))"
    # with the name alone, Numba would keep the features of this machine
    there = in_a_process(code, tmp_path, NUMBA_CPU_NAME=target, NUMBA_CPU_FEATURES="")
    assert there.split() == [digest()] * 2


def test_sparse_rows_give_the_same_bits():
    assert digest(sp.csr_array) == digest()


@pytest.mark.parametrize(
    ("cpu", "features", "wide"),
    [
        ("haswell", "", False),
        ("haswell", "+avx2,-avx512f", False),
        ("skylake-avx512", "+avx2,-avx512f", False),  # as a machine may be that hides it
        ("skylake-avx512", "+avx2,+avx512f", True),
        ("znver4", "", True),
    ],
)
def test_registers_are_wide_where_the_target_has_them(cpu, features, wide, tmp_path):
    code = "from mlp_fast.kernels.target import WIDE; print(WIDE)"
    there = {"NUMBA_CPU_NAME": cpu, "NUMBA_CPU_FEATURES": features}
    assert in_a_process(code, tmp_path, **there) == str(wide)


def assembly():
    MLP(batch_size=1, layer_sizes=17).train(*make_data("sigmoid"), 1)
    return "\n".join(train_in_blocks.inspect_asm().values())


def test_code_for_haswell_has_no_512_bit_registers(tmp_path):
    code = "import test_bits; print(test_bits.assembly())"
    text = in_a_process(code, tmp_path, NUMBA_CPU_NAME="haswell", NUMBA_CPU_FEATURES="")
    assert "ymm" in text
    assert "zmm" not in text
