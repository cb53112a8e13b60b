"""Faults planted one at a time into a copy of the project: the tests named for each must catch it.

    python tests/faults.py                  # all of them; a kernel's fault takes about a minute
    python tests/faults.py --only NAME ...  # these; NAME may also be a file, or a part of a name
    python tests/faults.py --jobs 2         # so many at once
    python tests/faults.py --list           # what there is
    python tests/faults.py --check          # only whether every fault can still be planted
    python tests/faults.py --sound          # plant nothing: the tests named must then pass

It prints a table in Markdown, and ends with 1 unless every fault was caught by a failing test; a
crash, a kernel that does not compile and a selection without tests do not count as caught.

pytest does not collect this file. Each fault names the narrowest tests that see it, of those that
run by default, since an edit in any kernel has every kernel compiled anew. Where a fault can no
longer be planted because its line has changed, write it anew: it is to stay what its last words
say. No fault writes out of bounds, for a crash says little.
"""

import argparse
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
KERNELS = ROOT / "mlp_fast" / "kernels"
COPIED = ("mlp_fast", "tests", "docs", "pyproject.toml", "README.md", "LICENSE")
LIMIT = 900  # seconds for one fault


class Fault(NamedTuple):
    """One edit, and the tests that have to notice it."""

    name: str
    file: str  # in mlp_fast/
    old: str  # there exactly once
    new: str
    tests: str  # what pytest is told
    broken: str  # what this is


FAULTS = [
    Fault(
        "slope without beta",
        "kernels/network/activation.py",
        "return beta * (-a).fma(a, a)",
        "return (-a).fma(a, a)",
        "tests/test_kernels.py -k 'training and sigmoid and float64'",
        "the sigmoid's slope forgets its steepness",
    ),
    Fault(
        "relu slope at zero",
        "kernels/network/activation.py",
        "return (a > 0.0).choose(1.0, a.constant(0.0))",
        "return (a >= 0.0).choose(1.0, a.constant(0.0))",
        "tests/test_kernels.py -k 'training and relu and float64'",
        "relu's slope is 1 where its unit is off",
    ),
    Fault(
        "softmax shift",
        "kernels/network/activation.py",
        "for j in range(1, n):\n        largest = max",
        "for j in range(1, n - 1):\n        largest = max",
        "tests/test_numerics.py -k large_finite",
        "softmax is shifted by the largest h but for the last",
    ),
    Fault(
        "beta in float32",
        "kernels/network/arguments.py",
        '("beta", np.float64)',
        '("beta", np.float32)',
        "tests/test_kernels.py -k 'recall and sigmoid and float64'",
        "steepness is kept in float32, whatever the network's dtype",
    ),
    Fault(
        "rate of the last batch",
        "kernels/train/batch.py",
        "rule.learning_rate / (end - start)",
        "rule.learning_rate / size",
        "tests/test_kernels.py -k 'training and 7-float64'",
        "the last, smaller batch of an epoch is divided by the size of the others",
    ),
    Fault(
        "gradient kept",
        "kernels/train/batch.py",
        "        gradient[i] = 0\n",
        "",
        "tests/test_paths.py -k 'larger_than and float64'",
        "the gradient of a large batch is not cleared for the next",
    ),
    Fault(
        "bias of all but the last row",
        "kernels/train/batch.py",
        "for i in range(1, k):\n            total +=",
        "for i in range(1, k - 1):\n            total +=",
        "tests/test_kernels.py -k backward_after_forward",
        "the bias's gradient leaves out the last row of a batch",
    ),
    Fault(
        "bias not updated",
        "kernels/linalg/input_major.py",
        "    store(W, j, fma(eta, d, load_tile(W, j, vectors)))\n",
        "",
        "tests/test_answers.py -k 'steps_are_online and float64'",
        "one sample's update by input leaves the bias alone",
    ),
    Fault(
        "errors by the row before",
        "kernels/linalg/input_major.py",
        "load(W, (p + 1) * stride + j)",
        "load(W, p * stride + j)",
        "tests/test_kernels.py -k 'training and 5-4-1-6-3-1-float'",
        "errors go back by the bias's weights for the first unit, and so on",
    ),
    Fault(
        "errors after the update",
        "kernels/linalg/output_major.py",
        "        total = fma(delta[q], w, total)\n"
        "        store(W, i, fma(-eta * delta[q], a, w))\n",
        "        w = fma(-eta * delta[q], a, w)\n"
        "        total = fma(delta[q], w, total)\n"
        "        store(W, i, w)\n",
        "tests/test_kernels.py -k 'training and 5-17-3-1-float'",
        "errors go back by weights that are updated already",
    ),
    Fault(
        "digest without a file",
        "kernels/compile/cache.py",
        '_KERNELS.rglob("*.py")):',
        '_KERNELS.rglob("*.py"))[:-1]:',
        "tests/test_rooms.py -k digest",
        "an edit in the last kernel file leaves stale code in use",
    ),
    Fault(
        "tail of one",
        "kernels/linalg/gather.py",
        "if whole < n:",
        "if whole < n - 1:",
        "tests/test_sparse.py -k 'batches_agree and shallow and float64'",
        "rows are collected without their last number if that is alone in its vector",
    ),
    Fault(
        "blind to one number",
        "kernels/linalg/finite.py",
        "for i in range(whole, values.size):",
        "for i in range(whole + 1, values.size):",
        "tests/test_kernels.py -k all_finite",
        "the first number behind the whole vectors may be NaN",
    ),
    Fault(
        "dirt behind layers",
        "kernels/network/recall_row.py",
        "for p in range(x.size, end):",
        "for p in range(x.size, first.n_in + 1):",
        "tests/test_paths.py -k 'what_was_in_memory and float64'",
        "what a row's buffer held before is not cleared",
    ),
    Fault(
        "half is one",
        "kernels/network/answer.py",
        "a[j] > 0.5 if form == CLASSES",
        "a[j] >= 0.5 if form == CLASSES",
        "tests/test_answers.py -k ties",
        "an output of exactly 0.5 is answered by 1",
    ),
    Fault(
        "idle lanes",
        "kernels/train/tiny_batch.py",
        "store(h, 0, first(output_delta(code, a, beta, e), k))",
        "store(h, 0, output_delta(code, a, beta, e))",
        "tests/test_paths.py -k 'batches_in_lanes and float64'",
        "lanes that have no sample in the last, smaller batch take part in the update",
    ),
    Fault(
        "collector at work",
        "kernels/compile/compiler.py",
        "of_compiling(), paused_collector():",
        "of_compiling():",
        "tests/test_compiler.py -k collector",
        "garbage is collected while kernels compile, which takes a twentieth longer",
    ),
    Fault(
        "calls not told apart",
        "kernels/compile/notice.py",
        "if call != self._call or began",
        "if began",
        "tests/test_notice.py -k other_calls",
        "kernels of calls that follow each other count as those of one call",
    ),
    Fault(
        "no room for frames",
        "kernels/compile/frames.py",
        "SLOTS = 2**16 + 2**10",
        "SLOTS = 2**4",
        "tests/test_compiler.py -k frames",
        "frames of a deep recursion are allocated again and again",
    ),
    Fault(
        "collector stays off",
        "kernels/compile/collector.py",
        "    try:\n        yield\n    finally:\n        gc.enable()\n",
        "    yield\n    gc.enable()\n",
        "tests/test_compiler.py -k collector",
        "after an error of the compiler no garbage is collected in the whole process",
    ),
    Fault(
        "fast-math",
        "kernels/compile/jit.py",
        '"_nrt": False}',
        '"_nrt": False, "fastmath": True}',
        "tests/test_kernels.py -k all_finite",
        "kernels are compiled as if no number were NaN and sums had any order",
    ),
    Fault(
        "second half of a list",
        "kernels/simd/compress.py",
        "first = broadcast(builder, builder.add(p, INDEX(i)), numbers)",
        "first = broadcast(builder, p, numbers)",
        "tests/test_lists.py -k 'not_zero_are_listed and float32'",
        "of 16 inputs in float32 the last eight are listed as the first eight",
    ),
    Fault(
        "half a Jacobian",
        "kernels/network/loss.py",
        "delta[j] = a[j] * (delta[j] - mean)",
        "delta[j] = a[j] * delta[j]",
        "tests/test_kernels.py -k 'training and softmax-squared_error and float64'",
        "softmax's Jacobian for the squared error has its diagonal only",
    ),
    Fault(
        "entropy without beta",
        "kernels/network/loss.py",
        "return beta  # what is left",
        "return beta.constant(1.0)  # what is left",
        "tests/test_kernels.py -k 'backward_after_forward and binary'",
        "the output's delta for the binary cross-entropy forgets its steepness",
    ),
    Fault(
        "bias not in the correction",
        "kernels/train/online_blocks.py",
        "store(gram, i, eta * (one + load(gram, i, HALF)))",
        "store(steps, i, eta * load(gram, i, HALF))",
        "tests/test_paths.py -k 'blocks_of_samples and float64'",
        "the correction within a block leaves out what the biases have learnt",
    ),
    Fault(
        "products that overflow",
        "kernels/train/online_blocks.py",
        "return count if finite else 1",
        "return count",
        "tests/test_paths.py -k products_overflow",
        "a block is taken at once where its products are infinite",
    ),
    Fault(
        "order of the next epoch",
        "kernels/network/shuffle.py",
        "permute(order, rule.key, rule.epoch + epoch)",
        "permute(order, rule.key, rule.epoch + epoch + 1)",
        "tests/test_training.py -k in_a_fresh_order",
        "an epoch is shuffled by the number of the next",
    ),
    Fault(
        "cycles only",
        "kernels/network/shuffle.py",
        "* 2.0**-53 * (i + 1))",
        "* 2.0**-53 * i)",
        "tests/test_kernels.py -k order_is_as_likely",
        "no sample ever keeps its place when an epoch is shuffled",
    ),
    Fault(
        "a strip too long",
        "kernels/linalg/matmul.py",
        "            j += 5 * V\n",
        "            j += 6 * V\n",
        "tests/test_paths.py -k every_width",
        "of six vectors in a row the last is left out",
    ),
    Fault(
        "last bias of a tile",
        "kernels/simd/microkernels.py",
        "for i in range(wide if biased.literal_value else 0):",
        "for i in range(wide - 1 if biased.literal_value else 0):",
        "tests/test_kernels.py -k 'recall and linear and float64'",
        "a tile of sums by output leaves out the bias of its last column",
    ),
    Fault(
        "sum of an old sample",
        "kernels/train/online_shallow.py",
        "if step == begin or sparse or (s == 0 and not in_order):",
        "if step == begin or sparse:",
        "tests/test_paths.py -k 'in_registers and float64'",
        "an epoch in a new order begins with the hidden sums of another sample",
    ),
    Fault(
        "output without beta",
        "kernels/train/online_shallow.py",
        "eta_out = -eta * beta_out",
        "eta_out = -eta",
        "tests/test_paths.py -k 'in_registers and binary and float64'",
        "training in registers forgets the steepness of the output",
    ),
    Fault(
        "idle samples",
        "kernels/train/tiny_batch_shallow.py",
        "bias -= vsum_groups(step_out * used, 1, n_samples)",
        "bias -= vsum_groups(step_out, 1, n_samples)",
        "tests/test_paths.py -k 'of_shallow_networks and float64'",
        "the output's bias learns from lanes that have no sample",
    ),
    Fault(
        "rounded twice",
        "kernels/simd/value.py",
        'return self.call("fma", b, c)',
        "return self * b + c",
        "tests/test_simd.py -k fma_rounds_once",
        "fma rounds the product, too",
    ),
    Fault(
        "one lane too many",
        "kernels/simd/vector.py",
        'mask = builder.icmp_signed("<", numbers(list(range(v.lanes))), n)',
        'mask = builder.icmp_signed("<=", numbers(list(range(v.lanes))), n)',
        "tests/test_paths.py -k 'in_registers and float64'",
        "the first n lanes are n + 1",
    ),
    Fault(
        "last column",
        "kernels/linalg/pack.py",
        "    while p < n:\n",
        "    while p < n - 1:\n",
        "tests/test_sparse.py -k last_input",
        "merging sparse rows leaves out the last input",
    ),
    Fault(
        "a row left behind",
        "kernels/network/forward_batch.py",
        "            clear(rows, samples[i : i + 1], work.x, work.width)\n",
        "",
        "tests/test_sparse.py -k 'batches_agree and output and float64'",
        "a sparse row is not cleared before the next is written over it",
    ),
    Fault(
        "stored twice",
        "kernels/linalg/csr.py",
        "if p <= before:",
        "if p < before:",
        "tests/test_sparse.py -k 'twice or thrice'",
        "columns that a row stores twice side by side are not added up",
    ),
    Fault(
        "a feature switched off",
        "kernels/compile/cpu.py",
        '"+avx512f" in features.split(",")',
        '"avx512f" in features',
        "tests/test_bits.py -k wide",
        "a CPU that is said not to have AVX-512 is taken for one that has it",
    ),
    Fault(
        "two digits swapped",
        "kernels/simd/transcendental.py",
        "0.0013888888936610477",
        "0.0013888888963610477",
        "tests/test_simd.py -k 'test_accuracy and exp and float64'",
        "a coefficient of exp in float64",
    ),
    Fault(
        "rows end to end",
        "kernels/simd/arrays.py",
        "builder, t, matrix.data, matrix.nitems)",
        "builder, t, matrix.data, builder.extract_value(matrix.shape, 1))",
        "tests/test_training.py -k 'orders_are_followed and 4'",
        "a batch that stays where it is in the data begins at the second row",
    ),
    Fault(
        "dirt behind packed rows",
        "kernels/linalg/pack.py",
        "        store(packed.x, t * packed.width + m, splat(source.dtype.type(0.0)))\n",
        "        pass\n",
        "tests/test_lists.py -k 'packed_rows and float64'",
        "what is behind a packed row is not cleared",
    ),
    Fault(
        "last row of a few",
        "kernels/linalg/nonzero.py",
        "for i in range(p + X.row, p + k * X.row, X.row):",
        "for i in range(p + X.row, p + (k - 1) * X.row, X.row):",
        "tests/test_lists.py -k 'not_zero_are_listed and float64'",
        "inputs that are not 0 in the last row only are skipped",
    ),
    Fault(
        "one beta for all",
        "layout.py",
        'self.layers["beta"] = betas',
        'self.layers["beta"] = betas[0]',
        "tests/test_kernels.py -k 'recall and sigmoid and float64'",
        "every layer has the steepness of the first",
    ),
    Fault(
        "writeable inputs",
        "boundary/arrays.py",
        "view.flags.writeable = False",
        "view.flags.writeable = array.flags.writeable",
        "tests/test_answers.py -k read_only",
        "what must not be changed can be",
    ),
    Fault(
        "a block cut in two",
        "calls.py",
        "return min(next_epoch, stop + (epoch - stop) % self._path.cut)",
        "return min(next_epoch, stop)",
        "tests/test_training.py -k cutting_a_run",
        "a call may end within a block of samples",
    ),
    Fault(
        "error of an epoch to come",
        "training.py",
        "curves.error[done - 1]",
        "curves.error[-1]",
        "tests/test_training.py -k run_that_diverges",
        "error_ of a run that diverged is not that of its last finite epoch",
    ),
    Fault(
        "shuffled from the beginning",
        "learning.py",
        "key, history.passes + chunk)",
        "key, chunk)",
        "tests/test_resuming.py -k resume_shuffles_by",
        "resume shuffles as the first epochs were",
    ),
    Fault(
        "last weights shown",
        "history.py",
        "            theta[:] = self.best.theta\n",
        "",
        "tests/test_stopping.py -k patience_is_counted",
        "with patience a network has the last weights, not the best",
    ),
    Fault(
        "on from the best",
        "history.py",
        "            theta[:] = last\n",
        "            theta[:] = self.best.theta\n",
        "tests/test_resuming.py -k in_the_first_half",
        "resume goes on from the best weights",
    ),
    Fault(
        "stopped before the look",
        "training.py",
        "            if step < last:  # what follows an epoch is done first",
        "            if step <= last:",
        "tests/test_interrupts.py -k was_validated",
        "after Ctrl-C the last epoch was not validated",
    ),
    Fault(
        "written weights forgotten",
        "run.py",
        "            self._training.kept.keep()\n",
        "            pass\n",
        "tests/test_stopping.py -k a_callback_writes",
        "weights that a callback wrote are lost where training ends",
    ),
    Fault(
        "half an epoch kept",
        "run.py",
        "            training.kept.restore()\n",
        "            pass\n",
        "tests/test_stopping.py -k error_of_the_callback",
        "an error leaves other weights than those of the last complete epoch",
    ),
    Fault(
        "full batches shuffled",
        "learning.py",
        "orders is None and size < k",
        "orders is None and size <= k",
        "tests/test_training.py -k full_batch_is_not_shuffled",
        "the full batch is summed in another order each epoch",
    ),
    Fault(
        "inputs not kept",
        "kernels/network/forward_rows.py",
        "copy(x, work.x)",
        "copy(x[:n], work.x)",
        "tests/test_passing.py -k 'agree_with_the_reference and float64'",
        "of a forward pass, only the first row is kept",
    ),
    Fault(
        "backward by the first part",
        "kernels/train/backward_rows.py",
        "        rows = rows_of_part(samples, part)",
        "        rows = rows_of_part(samples, 0)",
        "tests/test_passing.py -k 'agree_with_the_reference and float64'",
        "backward takes the targets of the first part for those of the others",
    ),
    Fault(
        "memory that is seen",
        "passing.py",
        "return kept if counts == ALONE else None",
        "return kept",
        "tests/test_passing.py -k used_again",
        "a forward pass overwrites the outputs of one before it that a user has",
    ),
    Fault(
        "outputs of the row before",
        "kernels/network/activation.py",
        "of_row = a[i]",
        "of_row = a[max(0, i - 1)]",
        "tests/test_passing.py -k 'agree_with_the_reference and float64'",
        "of many rows, a network of one output answers each with what the row before it has",
    ),
    Fault(
        "weights not kept",
        "passing.py",
        "theta.copy() if copies else None",
        "None",
        "tests/test_quick_entries.py -k 'needs_the_weights'",
        "backward takes outputs of weights that were changed through a view",
    ),
    Fault(
        "other weights for the batch of before",
        "mlp.py",
        "if self._forward is not None and not np.array_equal(theta, net.theta):",
        "if False:",
        "tests/test_quick_entries.py -k 'needs_the_weights'",
        "backward takes outputs of the weights before those that were set",
    ),
    Fault(
        "targets of the first row",
        "kernels/train/backward_rows.py",
        "for i in range(k):\n        if not are_fit",
        "for i in range(1):\n        if not are_fit",
        "tests/test_quick_entries.py -k 'test_backward and NaN'",
        "backward looks at the targets of the first row only",
    ),
    Fault(
        "sparse rows as the first",
        "kernels/network/recall_sparse.py",
        "out[start + i, j] = outputs[i * top.width + j]",
        "out[start + i, j] = outputs[j]",
        "tests/test_sparse.py -k answers_are_those",
        "all sparse rows of a part are answered as its first",
    ),
    Fault(
        "buffers for all threads",
        "answering.py",
        "buffers = pool.pop()",
        "buffers = pool[-1]",
        "tests/test_quick_entries.py -k threads",
        "threads that answer at the same time share buffers",
    ),
    Fault(
        "the first input for all",
        "kernels/train/take_rows.py",
        "x[i] = inputs[i]",
        "x[i] = inputs[0]",
        "tests/test_quick_entries.py -k 'test_partial_train and ordinary'",
        "partial_train of few rows sees the first input in place of all",
    ),
    Fault(
        "numbers in words",
        "stepping.py",
        "if not numbers or not NUMBERS.issuperset(map(type, numbers)):",
        "if not numbers:",
        "tests/test_quick_entries.py -k 'test_steps and (text or booleans or None)'",
        "step takes a list with anything in it for one of numbers",
    ),
    Fault(
        "halves are ones",
        "net.py",
        "answer = (A > 0.5).astype(np.int64)",
        "answer = (A >= 0.5).astype(np.int64)",
        "tests/test_answers.py -k ties",
        "rows whose output is exactly 0.5 are answered by 1",
    ),
    Fault(
        "answers that are not finite",
        "answering.py",
        "        if not finite:\n            return None\n",
        "",
        "tests/test_numerics.py tests/test_paths.py -k 'not_finite'",
        "a single row of NaN is answered by a number",
    ),
    Fault(
        "orders of the caller",
        "boundary/orders.py",
        'return np.array(array, np.int64, order="C")',
        'return np.asarray(array, np.int64, order="C")',
        "tests/test_training.py -k handed_in",
        "orders that a network was given change with the caller's array",
    ),
    Fault(
        "first order only",
        "boundary/orders.py",
        "for epoch, order in enumerate(orders):",
        "for epoch, order in enumerate(orders[:1]):",
        "tests/test_validation.py -k bad_options",
        "orders of all epochs but the first are not checked",
    ),
    Fault(
        "rights of others",
        "kernels/compile/trust.py",
        "    too_many = status.st_mode & forbidden_rights()\n",
        "    too_many = 0\n",
        "tests/test_cache_trust.py -k written",
        "a file that everybody can write is trusted",
    ),
    Fault(
        "dirt of units that are not there",
        "kernels/train/tiny_batch_shallow.py",
        "        lanes[i] = 0\n",
        "        lanes[i] = lanes[i]\n",
        "tests/test_divergence.py -k 'buffers and grid and float64'",
        "NaN that a run has left stays in the lanes of units that are not there",
    ),
    Fault(
        "dirt beside the last sample",
        "kernels/train/tiny_batch.py",
        "            if step == begin or samples.size < size:\n",
        "            if samples.size == 0:\n",
        "tests/test_divergence.py -k 'buffers and lanes and float64'",
        "lanes behind the last sample hold what was there before",
    ),
    Fault(
        "sum that overflows in a batch",
        "kernels/train/tiny_batch_shallow.py",
        "zero_or_nan = zero * ((beta_out * slope_out) * v)",
        "zero_or_nan = zero * v",
        "tests/test_divergence.py -k 'within_an_epoch[None'",
        "a tiny batch goes on where the sum of (36) overflows and others diverge",
    ),
    Fault(
        "sum that overflows online",
        "kernels/train/online_shallow.py",
        "amax(run.delta_out, samples.size) * (beta_out * vmax(absolute(v)))",
        "amax(run.delta_out, samples.size)",
        "tests/test_divergence.py -k 'within_an_epoch[1-'",
        "a shallow network goes on where the sum of (36) overflows and others diverge",
    ),
    Fault(
        "careless steps",
        "kernels/train/step.py",
        "    if careful and not stays_finite(network, eta, x, nodes):\n",
        "    if careful and not math.isfinite(eta):\n",
        "tests/test_not_finite.py -k steps_that_diverge",
        "a step leaves weights that overflowed",
    ),
    Fault(
        "a part that overflows",
        "kernels/train/step.py",
        "        if not (eta * inputs < largest and eta * errors < largest):\n",
        "        if not eta * errors < largest:\n",
        "tests/test_not_finite.py -k only_a_part",
        "a step leaves NaN where eta times an input overflows",
    ),
    Fault(
        "sizes but for the tail",
        "kernels/linalg/finite.py",
        "        total += absolute(load_first(values, whole, n - whole))\n",
        "        total = absolute(total)\n",
        "tests/test_not_finite.py -k steps_that_diverge",
        "the bound of a step leaves out what does not fill a vector",
    ),
    Fault(
        "log of 1 + x",
        "kernels/simd/transcendental.py",
        "    return _log(y) + (x - (y - 1.0)) / y\n",
        "    return _log(y)\n",
        "tests/test_simd.py tests/test_numerics.py -k 'log1p or saturate'",
        "log1p of small numbers is that of 1 + x rounded",
    ),
    Fault(
        "inputs taken on trust",
        "paths.py",
        "        and bool(all_within(inputs.reshape(-1), -most, most))\n",
        "",
        "tests/test_not_finite.py -k products_overflow",
        "shallow kernels are given inputs whose products overflow",
    ),
    Fault(
        "copies of activations",
        "kernels/network/activation.py",
        "return _named, (self.name,)",
        "return super().__reduce_ex__(2)",
        "tests/test_copies.py",
        "a copy of an activation is another one: a copied softmax network answers by its outputs",
    ),
    Fault(
        "a copy's one row",
        "answering.py",
        "X.dtype == dtype",
        "X.dtype is dtype",
        "tests/test_copies.py -k fast_entry",
        "rows that were copied do not take the fast entry",
    ),
    Fault(
        "curves not cleared",
        "calls.py",
        "            curve[first:last] = 0.0\n",
        "            curve[first + 1 : last] = 0.0\n",
        "tests/test_divergence.py -k depends_on_no_cut",
        "an epoch that is run again adds to the losses of its first run",
    ),
    Fault(
        "a forward that failed",
        "mlp.py",
        'state["_forward"] = None  # if',
        'state["_forward"] = state["_forward"]  # if',
        "tests/test_answers.py -k before_a_forward_that_failed",
        "backward takes the batch before a forward that failed",
    ),
    Fault(
        "any address",
        "kernels/linalg/buffers.py",
        "start = -address % VECTOR_BYTES // dtype.itemsize",
        "start = 0 * address",
        "tests/test_layout.py -k begin_at_a_multiple",
        "buffers begin where NumPy puts them",
    ),
    Fault(
        "rows of a matrix in CSR",
        "kernels/linalg/matrix.py",
        "self.starts.size - 1 if",
        "self.starts.size if",
        "tests/test_sparse.py -k 'online_bits or batches_agree'",
        "a sparse matrix has one row too many",
    ),
    Fault(
        "one number too many",
        "kernels/simd/memory.py",
        '"<", numbers(',
        '"<=", numbers(',
        "tests/test_simd.py -k first_lanes",
        "what is loaded of a vector is one number longer than it was told",
    ),
    Fault(
        "h kept elsewhere",
        "kernels/network/forward.py",
        "store(nodes.h, layer.nodes + j, load(h, j))",
        "store(nodes.h, j, load(h, j))",
        "tests/test_adding.py -m slow -k some",
        "derivatives that are computed from h find it in the place of another layer's",
    ),
    Fault(
        "the first row for all",
        "kernels/network/recall_dense.py",
        "top.before * capacity + i * top.width",
        "top.before * capacity",
        "tests/test_paths.py -k one_row_is_answered_as_many_rows_are",
        "all rows of a part are answered as its first",
    ),
    Fault(
        "a layer that does not learn",
        "kernels/train/online.py",
        "for l in range(1, network.layers.size):",
        "for l in range(2, network.layers.size):",
        "tests/test_answers.py -k steps_are_online_training",
        "a single step leaves the second layer as it was",
    ),
    Fault(
        "rows pile up",
        "kernels/train/online_one_by_one.py",
        "            clear(data.rows, order[s : s + 1], nodes.a, data.rows.n)\n",
        "            pass\n",
        "tests/test_sparse.py -k answers_are_those",
        "a sparse row is added to those before it",
    ),
    Fault(
        "sums in another order",
        "kernels/train/online_one_output.py",
        "q = V if p == whole else 0",
        "q = 0",
        "tests/test_sparse.py -k online",
        "CSR rows add the end of a row to another sum than dense rows do",
    ),
    Fault(
        "steep slopes in registers",
        "layout.py",
        "steep=any(activation.steep for activation in activations[:-1])",
        "steep=False",
        "tests/test_path_table.py -k steep",
        "paths that multiply in another order take hidden layers whose slopes may overflow",
    ),
    Fault(
        "counts that cancel",
        "kernels/network/loss.py",
        "return float((t * (log(t) - h) - t) + exp(h))",
        "return float(t * (log(t) - h) + exp(h))",
        "tests/test_kernels.py -k 'training and poisson and float64'",
        "the Poisson loss lacks the targets themselves",
    ),
    Fault(
        "counts of one output",
        "kernels/train/online_one_output.py",
        "rule.loss, layer.beta, sample.h, sample.t, sample.h.size",
        "0 * rule.loss, layer.beta, sample.h, sample.t, sample.h.size",
        "tests/test_paths.py -k 'one_layer_of_one_output and poisson and float64'",
        "one layer of one output has the binary cross-entropy for any loss",
    ),
    Fault(
        "counts of validation",
        "kernels/network/evaluate.py",
        "total -= target * np.float64(h[i * width + j]) + target",
        "total -= target * np.float64(h[i * width + j])",
        "tests/test_sums_over_rows.py -k 'loss_of_rows and poisson and float64'",
        "the Poisson loss of validation lacks the targets themselves",
    ),
    Fault(
        "registers without h",
        "paths.py",
        "return lanes if roomy and not (shape.keeps_h or shape.steep) else 0",
        "return lanes if roomy and not shape.steep else 0",
        "tests/test_adding.py -m slow -k some",
        "a path that keeps no h is chosen where a derivative is computed from it",
    ),
    Fault(
        "weights of another place",
        "kernels/network/initial.py",
        "            by_input, by_output = 1, layer.stride\n",
        "            by_input, by_output = 1, layer.n_in + 1\n",
        "tests/test_reference.py -k initial",
        "initial weights of padded output-major layers are written as if there were no padding",
    ),
    Fault(
        "biases that are drawn",
        "kernels/network/initial.py",
        "bounds[l, min(p, 1)]",
        "bounds[l, 1]",
        "tests/test_reference.py -k initial",
        "biases begin within the bounds of the other weights, where they are to begin at 0",
    ),
    Fault(
        "warm-ups without end",
        "schedules.py",
        '        _check_depth(depth)\n        options["then"]',
        '        options["then"]',
        "tests/test_schedules.py -k refused",
        "a file may nest schedules so deeply that reading it ends in a RecursionError",
    ),
    Fault(
        "a batch in any order",
        "learning.py",
        "repeated = size == k and orders.shape[0] == 1",
        "repeated = size == k",
        "tests/test_path_table.py -k other_orders",
        "a batch whose order changes is taken for one that is repeated",
    ),
    Fault(
        "blocks cut anywhere",
        "paths.py",
        'cut=BLOCK,\n    ),\n    Path(\n        "online, one by one, sparse rows"',
        'cut=1,\n    ),\n    Path(\n        "online, one by one, sparse rows"',
        "tests/test_training.py -k cutting_a_run",
        "the table lets calls end within a block of samples",
    ),
    Fault(
        "a step twice as long",
        "kernels/train/accumulate.py",
        "descend(network.theta, network.theta.dtype.type(eta), gradient)",
        "descend(network.theta, network.theta.dtype.type(2.0 * eta), gradient)",
        "tests/test_chunks.py -k 'chunks_agree_with_the_reference and full'",
        "the step of a full batch in chunks is twice as long",
    ),
    Fault(
        "parts of validation rows",
        "kernels/network/evaluate.py",
        "rows_from(rows, start, work.capacity)",
        "rows_from(rows, 0 * start, work.capacity)",
        "tests/test_sums_over_rows.py -k 'loss_of_rows and float64'",
        "of many validation rows, the inputs of the first are taken for all others",
    ),
    Fault(
        "targets of the first part",
        "kernels/train/input_gradient.py",
        "T[start:], samples",
        "T[0 * start :], samples",
        "tests/test_gradients.py -k 'reference and float64 and (257 or 600)'",
        "of many rows, the targets of the first are taken for all others in their gradient",
    ),
    Fault(
        "gradient by inputs of a sum",
        "kernels/train/input_gradient.py",
        "errors[i * work.width + p] / count",
        "errors[i * work.width + p]",
        "tests/test_gradients.py -k central_differences",
        "the gradient by inputs is that of the summed loss",
    ),
    Fault(
        "gradient of a sum",
        "gradients.py",
        "np.divide(G, k, ",
        "np.divide(G, 1, ",
        "tests/test_gradients.py -k central_differences",
        "the gradient by the weights is that of the summed loss",
    ),
    Fault(
        "hidden outputs of the first part",
        "net.py",
        "A[start : start + of_part.shape[0]] = of_part",
        "A[: of_part.shape[0]] = of_part",
        "tests/test_gradients.py -k 'hidden_outputs_agree'",
        "of many rows, hidden outputs of a later part are written over those of the first",
    ),
    Fault(
        "one order for all chunks",
        "chunked.py",
        "chunk=n, gradient",
        "chunk=0, gradient",
        "tests/test_chunks.py -k shuffled_by_the_number",
        "all chunks of an epoch are shuffled alike",
    ),
    Fault(
        "two chunks in memory",
        "chunked.py",
        "            del calls, chunk  # before the next one is read\n",
        "",
        "tests/test_chunks.py -k one_chunk_is_in_memory",
        "a chunk is kept until the next one is there",
    ),
    Fault(
        "a class without rows",
        "validation.py",
        "most = np.maximum(counts - 1, 0)",
        "most = counts",
        "tests/test_stopping.py -k even_if_most",
        "a class of one row may be held out whole",
    ),
    Fault(
        "an error is a refusal",
        "run.py",
        "            except (ValueError, TypeError):\n",
        "            except BaseException:\n",
        "tests/test_refused_chunks.py -k error_of_reading",
        "all epochs are undone where a chunk cannot be read",
    ),
    Fault(
        "a refusal is an error",
        "boundary/chunks.py",
        "            with self._refusing():\n                check_targets(",
        "            if True:\n                check_targets(",
        "tests/test_refused_chunks.py -k wrong_in_a_later_chunk",
        "targets that are out of range in a later chunk leave the network half trained",
    ),
    Fault(
        "a stream is shuffled",
        "mlp.py",
        '    "shuffle": False,\n    "orders": None,\n',
        '    "orders": None,\n',
        "tests/test_partial_training.py -k not_shuffled",
        "partial_train takes rows in an order of its own",
    ),
    Fault(
        "any types for a rule",
        "kernels/compile/address.py",
        " or state.types != expected:",
        ":",
        "tests/test_rule_kernels.py -k types_only",
        "a rule may be called with a state of other types than its kernel is compiled for",
    ),
    Fault(
        "gradient of sgd kept",
        "kernels/train/rules.py",
        "fma(-rate, load(gradient, i), load(theta, i)))\n        store(gradient, i, zero)\n",
        "fma(-rate, load(gradient, i), load(theta, i)))\n",
        "tests/test_rule_kernels.py -k 'three_steps and sgd'",
        "plain gradient descent leaves the gradient for the next batch",
    ),
    Fault(
        "nesterov without momentum",
        "kernels/train/rules.py",
        "velocity = fma(mu, velocity, descent)",
        "velocity = velocity + descent",
        "tests/test_rule_kernels.py -k 'three_steps and nesterov'",
        "Nesterov's step has the whole of the new velocity",
    ),
    Fault(
        "epsilon under the root",
        "kernels/train/rules.py",
        "rate * g / (sqrt(s) + epsilon)",
        "rate * g / sqrt(s + epsilon)",
        "tests/test_rule_kernels.py -k 'three_steps and rmsprop'",
        "RMSprop adds its epsilon before it takes the root",
    ),
    Fault(
        "epsilon not corrected",
        "kernels/train/rules.py",
        "real(numbers[2] * root)",
        "real(numbers[2])",
        "tests/test_rule_kernels.py -k 'three_steps and adam'",
        "Adam's epsilon is added to a mean square that still leans to 0",
    ),
    Fault(
        "bias decays",
        "kernels/train/rules.py",
        "fma(-decay * load(state.mask, i), w, w)",
        "fma(-decay, w, w)",
        "tests/test_rule_kernels.py -k bias_does_not_decay",
        "AdamW's decay takes biases, too",
    ),
    Fault(
        "step back where it turns",
        "kernels/train/rules.py",
        "g = by_sign(agreement, g, zero, g)",
        "g = by_sign(agreement, g, g, g)",
        "tests/test_rule_kernels.py -k 'rprop_grow'",
        "RPROP moves a weight whose gradient has turned",
    ),
    Fault(
        "clipped by the square",
        "kernels/train/by_rule.py",
        "length = norm(gradient, gradient.size)",
        "length = norm(gradient, gradient.size) ** 2",
        "tests/test_rule_kernels.py -k 'clipped and batch'",
        "a batch's gradient is clipped by its squared norm",
    ),
    Fault(
        "norm without bias",
        "kernels/train/by_rule.py",
        "inputs, length = hypotenuse(norm(x, n), 1.0), 0.0",
        "inputs, length = norm(x, n), 0.0",
        "tests/test_rule_kernels.py -k 'clipped and step'",
        "the norm of a sample's gradient leaves out the first layer's biases",
    ),
    Fault(
        "biases penalised",
        "kernels/train/by_rule.py",
        "w = load(mask, i) * load(theta, i)",
        "w = load(theta, i)",
        "tests/test_rule_kernels.py -k 'penalty and batch'",
        "L2 takes biases, too",
    ),
    Fault(
        "weights by place",
        "kernels/train/batch_by_rule.py",
        "np.float64(rule.sample_weights[samples[i]])",
        "np.float64(rule.sample_weights[i])",
        "tests/test_rule_kernels.py -k 'whatever_the_order'",
        "a row of a batch has the weight of another one",
    ),
    Fault(
        "mean of another batch",
        "kernels/train/batch_by_rule.py",
        "total = 1.0 * count",
        "total = 1.0 * size",
        "tests/test_rule_kernels.py -k last_smaller_batch",
        "the last, smaller batch of an epoch is divided by the size of the others",
    ),
    Fault(
        "loss without weight",
        "kernels/train/online_by_rule.py",
        "loss *= weight * rule.loss_scale",
        "loss *= rule.loss_scale",
        "tests/test_path_table.py -k 'each_path_agrees and online and all and float64'",
        "a sample's loss does not count by its weight",
    ),
    Fault(
        "loss of the sum of outputs",
        "kernels/train/online_blocks_linear.py",
        "loss *= weight * rule.loss_scale",
        "loss *= weight",
        "tests/test_sklearn_arithmetic.py -k 'epochs and linear and float64'",
        "scikit-learn's squared error of several outputs is told as their sum",
    ),
    Fault(
        "penalty of a whole batch",
        "kernels/train/batch_by_rule.py",
        "l2 = rule.l2 / total if rule.by_weight else rule.l2",
        "l2 = rule.l2 / count if rule.by_weight else rule.l2",
        "tests/test_sklearn_arithmetic.py -k 'epochs and float64 and some'",
        "scikit-learn's L2 is divided by the number of rows in place of their weights",
    ),
    Fault(
        "penalty of a sample of any weight",
        "kernels/train/online_by_rule.py",
        "        l2 /= weight\n",
        "",
        "tests/test_sklearn_arithmetic.py -k 'epochs and float64'",
        "scikit-learn's L2 online does not depend on the sample's weight",
    ),
    Fault(
        "epsilon scaled",
        "kernels/train/rules.py",
        "    if numbers[3] != 0:",
        "    if numbers[3] > 1:",
        "tests/test_sklearn_arithmetic.py -k 'epochs and Adam and float64'",
        "Adam adds scikit-learn's epsilon to another root",
    ),
    Fault(
        "entropies of any probability",
        "kernels/network/loss.py",
        "    if loss & CLIPPED:\n",
        "    if loss & 0:\n",
        "tests/test_sklearn_arithmetic.py -k clipped",
        "scikit-learn's entropies are not clipped",
    ),
    Fault(
        "velocity as for momentum",
        "kernels/train/online_blocks_linear.py",
        "1.0 - decay - mu * decay, mu * mu, 1.0 + mu",
        "1.0 - decay - mu * decay, mu, 1.0 + mu",
        "tests/test_path_table.py -k 'each_path_agrees and linear and float64'",
        "within a block, Nesterov's velocity counts as that of plain momentum",
    ),
    Fault(
        "bias looks behind",
        "kernels/train/online_blocks_linear.py",
        "W[j] += fma(mu, V[j], descent) if rule.nesterov else V[j]",
        "W[j] += V[j]",
        "tests/test_path_table.py -k 'each_path_agrees and linear and float64'",
        "the first layer's biases learn by plain momentum, not by Nesterov's",
    ),
    Fault(
        "half a product",
        "kernels/train/online_blocks_update.py",
        "+ 2 * m_11 * m_12 * wv",
        "+ m_11 * m_12 * wv",
        "tests/test_path_table.py -k 'each_path_agrees and linear and float64'",
        "the penalty within a block leaves out half of what weights and velocity share",
    ),
    Fault(
        "a velocity's end too near",
        "kernels/train/online_blocks_update.py",
        "return (mu * mu if rule.nesterov else mu) / (1.0 - mu)",
        "return mu / (1.0 - mu)",
        "tests/test_rules.py -k 'nesterov and online and float64'",
        "where Nesterov's velocity leads is computed as for momentum",
    ),
]


class Outcome(NamedTuple):
    """What the tests said."""

    verdict: str
    detail: str  # the first test that failed, or what else happened
    seconds: float


def main() -> int:
    """Plant the faults that are asked for; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", metavar="NAME", help="faults, or files of mlp_fast/")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="so many at once")
    parser.add_argument("--list", action="store_true", help="name the faults")
    parser.add_argument("--check", action="store_true", help="whether all can be planted")
    parser.add_argument("--sound", action="store_true", help="plant nothing: the tests must pass")
    options = parser.parse_args()
    if problems := [*unplantable()]:
        print("\n".join(problems), file=sys.stderr)
        return 1
    chosen = FAULTS
    if options.only:
        chosen = [f for f in FAULTS if any(word in (f.name, f.file) for word in options.only)]
        chosen = chosen or [f for f in FAULTS if any(w in f.name for w in options.only)]
    if not chosen:
        parser.error(f"no fault is called {' or '.join(options.only)}")
    if options.list:
        for fault in chosen:
            print(f"{fault.name:28} {fault.file:26} {fault.broken}")
    if options.list or options.check:
        print(f"{len(chosen)} faults, all of which can be planted", file=sys.stderr)
        return 0
    wanted = "passed" if options.sound else "caught"
    outcomes = []
    with ThreadPoolExecutor(options.jobs) as pool:
        for fault, outcome in zip(
            chosen, pool.map(lambda f: attempt(f, options.sound), chosen), strict=True
        ):
            outcomes.append(outcome)
            print(f"{outcome.verdict:8} {outcome.seconds:4.0f} s  {fault.name}: {outcome.detail}")
            sys.stdout.flush()
    if not options.sound:
        print(f"\n{table(chosen, outcomes)}")
    right = sum(outcome.verdict == wanted for outcome in outcomes)
    print(f"\n{right} of {len(chosen)} {wanted}, {sum(o.seconds for o in outcomes):.0f} s")
    return 0 if right == len(chosen) else 1


def unplantable() -> Iterator[str]:
    """Say which faults cannot be planted, and which kernel files have none."""
    names = [fault.name for fault in FAULTS]
    yield from (f"{name}: there are two of this name" for name in {*names} if names.count(name) > 1)
    for fault in FAULTS:
        text = (ROOT / "mlp_fast" / fault.file).read_text()
        if text.count(fault.old) != 1 or fault.old == fault.new:
            yield f"{fault.name}: {text.count(fault.old)} times in {fault.file}: {fault.old!r}"
            continue
        try:
            compile(text.replace(fault.old, fault.new), fault.file, "exec")
        except SyntaxError as error:
            yield f"{fault.name}: {error}"
    files = {
        path.relative_to(ROOT / "mlp_fast").as_posix()
        for path in KERNELS.rglob("[!_]*.py")
        if "def " in path.read_text()
    }
    without = files - {fault.file for fault in FAULTS}
    yield from (f"{file}: no fault is planted there" for file in sorted(without))


def attempt(fault: Fault, sound: bool) -> Outcome:
    """Run the tests concerned in a copy of the project with the fault, or without it."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="mlp_fast_fault_") as folder:
        copy = Path(folder) / "project"
        copy_project(copy, compiled=sound or not fault.file.startswith("kernels/"))
        if not sound:
            path = copy / "mlp_fast" / fault.file
            path.write_text(path.read_text().replace(fault.old, fault.new))
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
        status, text = run([*command, *shlex.split(fault.tests)], copy)
    return Outcome(*judged(status, text), time.perf_counter() - started)


def copy_project(copy: Path, *, compiled: bool) -> None:
    """Copy what tests need; what is compiled of it, too, if no kernel will change."""
    unwanted = ["__pycache__", ".*"]
    copy.mkdir()
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns(*unwanted))
        else:
            shutil.copy(ROOT / name, copy / name)
    (copy / "mlp_fast" / "kernels" / "__pycache__").mkdir()
    for path in (KERNELS / "__pycache__").glob("*.nbc") if compiled else ():
        shutil.copy(path, copy / "mlp_fast" / "kernels" / "__pycache__")


def run(command: list[str], folder: Path) -> tuple[int | None, str]:
    """Run a command there; return its exit status, None if it took too long, and what it said."""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    for name in ("MLP_FAST_CACHE_DIR", "NUMBA_CACHE_DIR"):
        environment.pop(name, None)  # compiled kernels then stay in the copy
    data = ROOT.parent / "shared" / "data"
    if data.is_dir():
        environment.setdefault("MLP_FAST_DATA", str(data))
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # so that what it starts ends with it
    ) as process:
        try:
            text, _ = process.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return None, process.communicate()[0]
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return process.returncode, text


def judged(status: int | None, text: str) -> tuple[str, str]:
    """Return the verdict and what it rests on."""
    failed = re.search(r"^FAILED (?:tests/)?(.*?)(?: - (.*))?$", text, re.MULTILINE)
    if re.search(r"^E +numba\.core\.errors\.", text, re.MULTILINE):
        return "broken", "what was planted does not compile"
    if status == 1 and failed:
        return "caught", failed[1]
    if status == 0:
        return "passed", text.strip().splitlines()[-1]
    last = next((line for line in reversed(text.splitlines()) if line.strip()), "")
    reasons = {None: f"no end after {LIMIT} s", 5: "no test is selected"}
    return "broken", reasons.get(status, f"status {status}: {last}")


def table(faults: list[Fault], outcomes: list[Outcome]) -> str:
    """Return the outcomes in Markdown."""
    rows = ["| fault | file | what is broken | outcome | s |", "|---|---|---|---|--:|"]
    for fault, outcome in zip(faults, outcomes, strict=True):
        detail = outcome.detail.replace("|", "\\|")
        said = f"`{detail}`" if outcome.verdict == "caught" else f"**MISSED**: {detail}"
        if outcome.verdict == "broken":
            said = f"**BROKEN**: {detail}"
        rows.append(
            f"| {fault.name} | `{fault.file}` | {fault.broken} | {said} | {outcome.seconds:.0f} |"
        )
    return "\n".join(rows)


if __name__ == "__main__":
    sys.exit(main())
