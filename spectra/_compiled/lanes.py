"""Vectors of 16 numbers for compiled kernels.

numba turns loops over small arrays into one number after another; LLVM's own vectors it keeps in
registers. No fast math: every lane is computed by the same instructions, whatever stands in the
other lanes, so results do not depend on batches, blocks or threads. The names have numba's types,
which mypy cannot follow.
"""

# mypy: ignore-errors

import operator

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic, models, overload, register_model

#: Numbers in one vector: two AVX-512 registers of float64, one of float32.
LANES = 16


def kernel(function):
    """Compile without the interpreter lock, and keep the machine code where a folder allows it."""
    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError:  # numba found no writable folder for its cache
        return njit(nogil=True)(function)


class Lanes(types.Type):
    """Numba type of a vector of `LANES` numbers."""

    def __init__(self, item):
        self.item = item
        super().__init__(f"Lanes({item})")


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager, lanes):
        item = ir.DoubleType() if lanes.item is types.float64 else ir.FloatType()
        super().__init__(manager, lanes, ir.VectorType(item, LANES))


def _address(context, builder, kind, array, at):
    data = context.make_array(kind)(context, builder, array).data
    vector = ir.VectorType(context.get_data_type(kind.dtype), LANES)
    return builder.bitcast(builder.gep(data, [at]), vector.as_pointer())


@intrinsic
def load(typing, array, at):
    """Return `LANES` numbers of a flat array from an index on."""

    def generate(context, builder, signature, values):
        loaded = builder.load(_address(context, builder, signature.args[0], *values))
        loaded.align = signature.args[0].dtype.bitwidth // 8
        return loaded

    return Lanes(array.dtype)(array, types.intp), generate


@intrinsic
def load_half(typing, array, at):
    """Return `LANES` numbers of half precision, kept as uint16 in a flat array, from an index on: float32."""

    def generate(context, builder, signature, values):
        data = context.make_array(signature.args[0])(context, builder, values[0]).data
        half = ir.VectorType(ir.HalfType(), LANES)
        loaded = builder.load(builder.bitcast(builder.gep(data, [values[1]]), half.as_pointer()))
        loaded.align = 2
        return builder.fpext(loaded, ir.VectorType(ir.FloatType(), LANES))

    return Lanes(types.float32)(array, types.intp), generate


@intrinsic
def store(typing, array, at, lanes):
    """Write a vector into a flat array from an index on."""

    def generate(context, builder, signature, values):
        written = builder.store(values[2], _address(context, builder, signature.args[0], *values[:2]))
        written.align = signature.args[0].dtype.bitwidth // 8
        return context.get_dummy_value()

    return types.void(array, types.intp, lanes), generate


@intrinsic
def fill(typing, value):
    """Return a vector of one number repeated."""

    def generate(context, builder, signature, values):
        undefined = ir.Constant(context.get_value_type(signature.return_type), ir.Undefined)
        first = builder.insert_element(undefined, values[0], ir.Constant(ir.IntType(32), 0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        return builder.shuffle_vector(first, first, zeros)

    return Lanes(value)(value), generate


def _define(operation, instruction):
    """Teach numba an operator between vectors, and between a vector and a number."""

    @intrinsic
    def both(typing, left, right):
        def generate(context, builder, signature, values):
            return getattr(builder, instruction)(*values)

        return left(left, right), generate

    def chosen(left, right):
        if isinstance(left, Lanes) and isinstance(right, Lanes):
            return lambda left, right: both(left, right)
        if isinstance(left, Lanes):
            return lambda left, right: both(left, fill(right))
        if isinstance(right, Lanes):
            return lambda left, right: both(fill(left), right)
        return None

    overload(operation)(chosen)


for _operation, _instruction in {
    operator.add: "fadd",
    operator.iadd: "fadd",
    operator.sub: "fsub",
    operator.mul: "fmul",
    operator.imul: "fmul",
    operator.truediv: "fdiv",
}.items():
    _define(_operation, _instruction)


@intrinsic
def where_less(typing, left, right, chosen, other):
    """Return ``chosen`` in the lanes where left < right, ``other`` elsewhere (and where not a number)."""

    def generate(context, builder, signature, values):
        return builder.select(builder.fcmp_ordered("<", *values[:2]), *values[2:])

    return left(left, left, left, left), generate


@intrinsic
def multiply_add(typing, left, right, more):
    """Return left · right + more, rounded once where the processor can."""

    def generate(context, builder, signature, values):
        kind = values[0].type
        name = f"llvm.fmuladd.v{LANES}f{signature.return_type.item.bitwidth}"
        function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(kind, [kind] * 3), name)
        return builder.call(function, values)

    return left(left, left, left), generate


@intrinsic
def prefetch(typing, array, at):
    """Ask for the memory of a flat array at an index, which may lie beyond its end."""

    def generate(context, builder, signature, values):
        data = context.make_array(signature.args[0])(context, builder, values[0]).data
        address = builder.bitcast(builder.gep(data, [values[1]]), ir.IntType(8).as_pointer())
        word = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [address.type, word, word, word])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(function, [address, word(0), word(3), word(1)])
        return context.get_dummy_value()

    return types.void(array, types.intp), generate


def _half_sum(half):
    """Return the adding of halves of groups of 2·half lanes, those of the left vector before the right's."""
    groups = range(0, 2 * LANES, 2 * half)
    lower = [lane for g in groups for lane in range(g, g + half)]
    upper = [lane + half for lane in lower]

    @intrinsic
    def pair(typing, left, right):
        def generate(context, builder, signature, values):
            kind = ir.VectorType(ir.IntType(32), LANES)
            sides = [builder.shuffle_vector(*values, ir.Constant(kind, side)) for side in (lower, upper)]
            return builder.fadd(*sides)

        return left(left, right), generate

    return pair


#: Four rounds of these turn 16 vectors into one that holds the sum of each.
pair8, pair4, pair2, pair1 = (_half_sum(half) for half in (8, 4, 2, 1))


@intrinsic
def store_fours(typing, array, at, step, lanes):
    """Write four neighbouring lanes each to an index of a flat array and one, two and three steps on."""

    def generate(context, builder, signature, values):
        array, at, step, lanes = values
        data = context.make_array(signature.args[0])(context, builder, array).data
        word = ir.IntType(32)
        for k in range(0, LANES, 4):
            part = builder.shuffle_vector(
                lanes, lanes, ir.Constant(ir.VectorType(word, 4), [*range(k, k + 4)])
            )
            address = builder.bitcast(builder.gep(data, [at]), part.type.as_pointer())
            builder.store(part, address).align = signature.args[0].dtype.bitwidth // 8
            at = builder.add(at, step)
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp, lanes), generate


@intrinsic
def store_four(typing, array, at, lanes):
    """Write the first four lanes into a flat array from an index on."""

    def generate(context, builder, signature, values):
        array, at, lanes = values
        data = context.make_array(signature.args[0])(context, builder, array).data
        first = ir.Constant(ir.VectorType(ir.IntType(32), 4), [*range(4)])
        part = builder.shuffle_vector(lanes, lanes, first)
        address = builder.bitcast(builder.gep(data, [at]), part.type.as_pointer())
        builder.store(part, address).align = signature.args[0].dtype.bitwidth // 8
        return context.get_dummy_value()

    return types.void(array, types.intp, lanes), generate
