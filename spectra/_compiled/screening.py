"""Compiled screening: many products with each row while it is in the cache."""

# mypy: ignore-errors

import numpy as np

from .lanes import (
    LANES,
    fill,
    kernel,
    load,
    load_half,
    multiply_add,
    pair1,
    pair2,
    pair4,
    pair8,
    prefetch,
    store,
    store_four,
    store_fours,
    where_less,
)

#: Rows scored at a time: their products stay in the second-level cache.
BLOCK = 512

#: Vectors of one tile: with four rows the twenty sums, five numbers at work and what the compiler needs fit
#: the 32 registers. Nine shifts make five lags, so that nothing is filled up.
TILE = 5


@kernel
def screen_rows(matrix, start, stop, plain, squared, parts, first, taps, floor, apart, least, drop):
    """Score rows of a reference index at every shift; `spectra.screening` says what the score is.

    Parameters
    ----------
    matrix
        Flat rows of n numbers in half precision, as uint16, n a multiple of 16.
    start, stop
        Rows to take, multiples of 16.
    plain
        Residual and basis vectors at every lag, lag by lag, shape (p, n), float32; p a multiple of 5.
    squared
        Squared weights at every lag, shape (q, n), float32; q a multiple of 5; 0 keeps ``apart``.
    parts
        Vectors of one lag.
    first, taps
        First lag of each shift, shape (shifts,), and the shares of it and the following ones, float32,
        shape (shifts, 4), zero where not needed.
    floor
        Smallest weighted norm that counts, and the share of it outside the model's span that must be left.
    apart, least, drop
        Weighted norm outside the model's span, what it must reach, and the score: (shifts, rows), float32.
    """
    result = np.empty((plain.shape[0] + squared.shape[0]) * BLOCK, np.float32)
    for low in range(start, stop, BLOCK):
        high = min(low + BLOCK, stop)
        _products(matrix, low, high, plain, squared, result)
        for shift in range(first.size):
            if squared.size:
                _sizes(
                    result,
                    plain.shape[0] + first[shift],
                    taps[shift],
                    floor,
                    low,
                    high,
                    apart[shift],
                    least[shift],
                )
            _drops(
                result, first[shift], taps[shift], parts, low, high, apart[shift], least[shift], drop[shift]
            )


@kernel
def _products(matrix, start, stop, plain, squared, result):
    """Multiply rows by vectors and their squares by others; each row comes from memory once."""
    p, n = plain.shape
    flat, weights = plain.reshape(-1), squared.reshape(-1)
    # Each tile fetches its share of the next rows, so that memory is busy all the time.
    share = (n // LANES * TILE // (p + squared.shape[0]) + 1) * LANES
    for row in range(start, stop, 4):
        for column in range(0, p, TILE):
            ahead = column // TILE * share
            _tile(matrix, row * n, flat, column * n, n, False, ahead, share, result, column, row - start)
        for column in range(0, squared.shape[0], TILE):
            ahead, to = (p + column) // TILE * share, p + column
            _tile(matrix, row * n, weights, column * n, n, True, ahead, share, result, to, row - start)


@kernel
def _tile(matrix, row, vectors, vector, n, square, ahead, share, result, column, to):
    """Multiply four rows by five vectors, all twenty sums in registers."""
    for i in range(ahead, min(ahead + share, n), LANES):
        for k in range(4, 8):
            prefetch(matrix, row + k * n + i)
    zero = fill(np.float32(0.0))
    a0, a1, a2, a3, b0, b1, b2, b3 = zero, zero, zero, zero, zero, zero, zero, zero
    c0, c1, c2, c3, d0, d1, d2, d3 = zero, zero, zero, zero, zero, zero, zero, zero
    a4, b4, c4, d4 = zero, zero, zero, zero
    for i in range(0, n, LANES):
        a, b = load_half(matrix, row + i), load_half(matrix, row + n + i)
        c, d = load_half(matrix, row + 2 * n + i), load_half(matrix, row + 3 * n + i)
        if square:
            a, b, c, d = a * a, b * b, c * c, d * d
        v = load(vectors, vector + i)
        a0, b0 = multiply_add(a, v, a0), multiply_add(b, v, b0)
        c0, d0 = multiply_add(c, v, c0), multiply_add(d, v, d0)
        v = load(vectors, vector + n + i)
        a1, b1 = multiply_add(a, v, a1), multiply_add(b, v, b1)
        c1, d1 = multiply_add(c, v, c1), multiply_add(d, v, d1)
        v = load(vectors, vector + 2 * n + i)
        a2, b2 = multiply_add(a, v, a2), multiply_add(b, v, b2)
        c2, d2 = multiply_add(c, v, c2), multiply_add(d, v, d2)
        v = load(vectors, vector + 3 * n + i)
        a3, b3 = multiply_add(a, v, a3), multiply_add(b, v, b3)
        c3, d3 = multiply_add(c, v, c3), multiply_add(d, v, d3)
        v = load(vectors, vector + 4 * n + i)
        a4, b4 = multiply_add(a, v, a4), multiply_add(b, v, b4)
        c4, d4 = multiply_add(c, v, c4), multiply_add(d, v, d4)
    left = pair2(pair4(pair8(a0, b0), pair8(c0, d0)), pair4(pair8(a1, b1), pair8(c1, d1)))
    right = pair2(pair4(pair8(a2, b2), pair8(c2, d2)), pair4(pair8(a3, b3), pair8(c3, d3)))
    sums = pair1(left, right)
    store_fours(result, column * BLOCK + to, BLOCK, sums)
    last = pair4(pair8(a4, b4), pair8(c4, d4))
    last = pair2(last, last)
    store_four(result, (column + 4) * BLOCK + to, pair1(last, last))


@kernel
def _sizes(result, column, taps, floor, low, high, apart, least):
    """Set the weighted norms of one shift and what must be left of them."""
    for row in range(low, high, LANES):
        size = fill(np.float32(0.0))
        for tap in range(4):
            if taps[tap] != 0:
                size = multiply_add(load(result, (column + tap) * BLOCK + row - low), fill(taps[tap]), size)
        store(apart, row, size)
        left = size * floor[1]
        store(least, row, where_less(left, fill(floor[0]), fill(floor[0]), left))


@kernel
def _drops(result, lag, taps, parts, low, high, apart, least, drop):
    """Take the basis vectors out of the norms of one shift and set its scores."""
    zero = fill(np.float32(0.0))
    for row in range(low, high, LANES):
        left, rest = load(apart, row), zero
        for part in range(parts):
            inner = zero
            for tap in range(4):
                if taps[tap] != 0:
                    inner = multiply_add(
                        load(result, ((lag + tap) * parts + part) * BLOCK + row - low), fill(taps[tap]), inner
                    )
            if part == 0:
                rest = where_less(zero, inner, inner, zero)
            else:
                left = left - inner * inner
        store(apart, row, left)
        enough = load(least, row)
        gain = rest * rest / where_less(enough, left, left, fill(np.float32(1.0)))
        gain = where_less(gain, fill(np.float32(1.0)), gain, fill(np.float32(1.0)))
        store(drop, row, where_less(enough, left, gain, zero))
