"""The two microkernels, on which all matmuls are built: a tile of axpys, and one of dot products.

Both are written in LLVM IR, because the tile of sums has to stay in registers for the whole loop:
left to itself LLVM unrolls the loop, and then runs out of them. The order of every sum is that of a
plain loop, so a tile's height and width change no bit.
"""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from mlp_fast.kernels.simd.memory import address, emit_prefetch
from mlp_fast.kernels.simd.value import Value
from mlp_fast.kernels.simd.vector import VECTOR_BITS, Vec, broadcast, vec_of

INDEX = ir.IntType(64)


class _Matrix:
    """A `Matrix` of linalg/matrix.py inside an intrinsic."""

    def __init__(self, context, builder, t: types.NamedTuple, value):
        self.context, self.builder, self.array_type = context, builder, t.types[0]
        self.values, self.row, self.column = (builder.extract_value(value, i) for i in range(3))

    def pointer(self, i, j, count: int):
        """The address of columns j .. j + count of row i, for columns of unit stride."""
        return self.at(self.builder.add(self.start(i), j), count)

    def start(self, i):
        """The offset of row i."""
        return self.builder.mul(i, self.row)

    def element(self, start, column):
        """The element in a column of the row that begins at offset `start`."""
        place = self.builder.add(start, self.builder.mul(column, self.column))
        return self.builder.load(self.at(place, 1))

    def at(self, place, count: int):
        """The address of `count` elements from offset `place` on."""
        return address(
            self.context, self.builder, self.array_type, self.values, place, INDEX(count)
        )


class _Loop:
    """A loop over 0 .. n that carries sums, from given start values; never unrolled."""

    def __init__(self, builder, n, starts: list):
        self.builder, self.n, self.entry = builder, n, builder.block
        self.body = builder.append_basic_block("tile")
        self.done = builder.append_basic_block("summed")
        self.starts = starts
        builder.cbranch(builder.icmp_signed(">", n, INDEX(0)), self.body, self.done)
        builder.position_at_end(self.body)
        self.i = builder.phi(INDEX)
        self.i.add_incoming(INDEX(0), self.entry)
        self.sums = [Value(builder, self._phi(start)) for start in starts]

    def _phi(self, start):
        value = self.builder.phi(start.type)
        value.add_incoming(start, self.entry)
        return value

    def close(self, sums: list, step: int = 1) -> list:
        """End the body with the sums' new values; return their values after the loop."""
        builder = self.builder
        following, end = builder.add(self.i, INDEX(step)), builder.block
        self.i.add_incoming(following, end)
        branch = builder.cbranch(builder.icmp_signed("<", following, self.n), self.body, self.done)
        disable = builder.module.add_metadata(
            [ir.MetaDataString(builder.module, "llvm.loop.unroll.disable")]
        )
        loop = builder.module.add_metadata([disable, disable])
        loop.operands = (loop, disable)  # LLVM identifies a loop by self-referential metadata
        branch.set_metadata("llvm.loop", loop)
        builder.position_at_end(self.done)
        results = [self._phi(start) for start in self.starts]
        for phi, result, value in zip(self.sums, results, sums, strict=True):
            phi.value.add_incoming(value, end)
            result.add_incoming(value, end)
        return results


def _load(builder, pointer, vec: Vec, t: ir.Type, i: int = 0):
    pointer = builder.bitcast(builder.gep(pointer, [INDEX(i * vec.lanes)]), t.as_pointer())
    return builder.load(pointer, align=vec.dtype.bitwidth // 8)


def _prefetch_tile(builder, pointer, vectors: int) -> None:
    """Prefetch the part of C that a tile updates at its end, while its sums are computed."""
    for i in range(vectors):
        place = builder.bitcast(pointer, ir.IntType(8).as_pointer())
        place = builder.gep(place, [INDEX(i * VECTOR_BITS // 8)])
        emit_prefetch(builder, place, write=True, near=True)


def _store(builder, value, pointer, vec: Vec, i: int = 0):
    pointer = builder.gep(pointer, [INDEX(i * vec.lanes)])
    pointer = builder.bitcast(pointer, value.type.as_pointer())
    builder.store(value, pointer, align=vec.dtype.bitwidth // 8)


@intrinsic(prefer_literal=True)
def add_tile(typingctx, alpha, A, B, C, rows, r, inner, packed, j, height, vectors):
    """Add alpha A B to C in rows[r : r + height] and `vectors` vectors of columns from j on.

    Sums run over the listed inner indices: columns of A, rows of B. If packed, A stores only the
    rows and columns that are listed. Return the height.
    """
    vec = vec_of(C.types[0])
    tall, wide = height.literal_value, vectors.literal_value

    def codegen(context, builder, sig, args):
        t = context.get_value_type(vec)
        A, B, C = (_Matrix(context, builder, sig.args[i], args[i]) for i in (1, 2, 3))
        r, packed, j = args[5], builder.icmp_signed("!=", args[7], INDEX(0)), args[8]

        def listed(k, i):
            return builder.load(address(context, builder, sig.args[k], args[k], i, INDEX(1)))

        places = [builder.add(r, INDEX(i)) for i in range(tall)]
        numbers = [listed(4, place) for place in places]
        starts = [
            builder.mul(builder.select(packed, place, number), A.row)
            for place, number in zip(places, numbers, strict=True)
        ]
        for number in numbers:
            _prefetch_tile(builder, C.pointer(number, j, wide * vec.lanes), wide)
        inner = context.make_array(sig.args[6])(context, builder, args[6])
        n = builder.extract_value(inner.shape, 0)
        loop = _Loop(builder, n, [t(None)] * (tall * wide))
        column = listed(6, loop.i)
        place = builder.select(packed, loop.i, column)
        pointer = B.pointer(column, j, wide * vec.lanes)
        b = [Value(builder, _load(builder, pointer, vec, t, v)) for v in range(wide)]
        sums = []
        for i, start in enumerate(starts):
            a = Value(builder, broadcast(builder, A.element(start, place), t))
            totals = loop.sums[i * wide : (i + 1) * wide]
            sums += [a.fma(*pair).value for pair in zip(b, totals, strict=True)]
        sums = loop.close(sums)
        factor = Value(builder, broadcast(builder, args[0], t))
        for i, number in enumerate(numbers):
            pointer = C.pointer(number, j, wide * vec.lanes)
            for v in range(wide):
                c = Value(builder, _load(builder, pointer, vec, t, v))
                c = Value(builder, sums[i * wide + v]).fma(factor, c).value
                _store(builder, c, pointer, vec, v)
        return context.get_constant(types.intp, tall)

    signature = types.intp(alpha, A, B, C, rows, r, inner, types.intp, j, height, vectors)
    return signature, codegen


@intrinsic(prefer_literal=True)
def dot_tile(typingctx, A, B, C, r, q, n_inner, n, biased, height, width):
    """Write A B' to C, in rows r .. r + height and columns q .. q + width; sums over n_inner.

    If biased, each row of B begins with the weight of the bias node, which is subtracted at the
    end. Sums are taken in whole vectors, which may reach past the ends of rows: there A or B is
    padded with zeros. A width of 0 to -3 means a vector's lanes less so many quarters of them; then
    a whole vector is written, and C needs slack behind its n-th column. Return the width in
    columns.
    """
    vec = vec_of(C.types[0])
    tall, wide = height.literal_value, width.literal_value
    whole = wide <= 0
    if whole:
        wide = vec.lanes * (4 + wide) // 4

    def codegen(context, builder, sig, args):
        t = context.get_value_type(vec)
        A, B, C = (_Matrix(context, builder, sig.args[i], args[i]) for i in range(3))
        r, q, n_inner, n = args[3:7]
        rows = [A.start(builder.add(r, INDEX(i))) for i in range(tall)]
        columns = [B.start(q)]
        for i in range(1, wide):  # columns past the n-th repeat it
            inside = builder.icmp_signed("<", builder.add(q, INDEX(i)), n)
            step = builder.select(inside, B.row, INDEX(0))
            columns.append(builder.add(columns[-1], step))
        loop = _Loop(builder, n_inner, [t(None)] * (tall * wide))

        def vector(M, start, j):
            return Value(builder, _load(builder, M.at(builder.add(start, j), vec.lanes), vec, t))

        behind_bias = builder.add(loop.i, INDEX(biased.literal_value))
        a = [vector(A, start, loop.i) for start in rows]
        b = [vector(B, start, behind_bias) for start in columns]
        pairs = [(x, y) for x in a for y in b]
        sums = [x.fma(y, total).value for (x, y), total in zip(pairs, loop.sums, strict=True)]
        sums = loop.close(sums, vec.lanes)
        spare = vec.lanes - wide if whole else 0
        biases = ir.VectorType(t.element, wide + spare)(None)
        for i in range(wide if biased.literal_value else 0):
            weight = builder.load(B.at(columns[i], 1))
            biases = builder.insert_element(biases, weight, ir.IntType(32)(i))
        for i in range(tall):
            totals = sum_each(builder, sums[i * wide : (i + 1) * wide] + [t(None)] * spare)
            if biased.literal_value:
                totals = builder.fsub(totals, biases)
            place = C.pointer(builder.add(r, INDEX(i)), q, wide + spare)
            _store(builder, totals, place, vec)
        return context.get_constant(types.intp, wide)

    return types.intp(A, B, C, r, q, n_inner, n, biased, height, width), codegen


def sum_each(builder, vectors: list):
    """Sum across each of 1, 2, 4, ... vectors by the tree of `vsum`; return a vector of the sums.

    Two vectors' halves are added at once, then four vectors' quarters: about three instructions per
    sum. Each part holds, end to end, the partial sums of `held` vectors.
    """
    parts, held = list(vectors), 1
    while (left := parts[0].type.count // held) > 1:
        half = left // 2
        if len(parts) == 1:
            pairs, starts = [(parts[0], parts[0])], [left * i for i in range(held)]
        else:
            pairs = list(zip(parts[::2], parts[1::2], strict=True))
            held *= 2
            starts = [left * i for i in range(held)]  # a shuffle numbers the lanes of both vectors
        low = [start + lane for start in starts for lane in range(half)]
        high = [lane + half for lane in low]
        parts = [
            builder.fadd(*(builder.shuffle_vector(x, y, _lanes(i)) for i in (low, high)))
            for x, y in pairs
        ]
    return parts[0]


def _lanes(numbers: list[int]) -> ir.Constant:
    return ir.VectorType(ir.IntType(32), len(numbers))(numbers)
