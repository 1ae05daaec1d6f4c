"""Compiled arPLS: 16 spectra side by side, each in a lane of its own."""

# mypy: ignore-errors

import numpy as np

from .lanes import LANES, fill, kernel, load, store, where_less

#: Where the parts of one point stand in the scratch memory of `arpls_rows`, one vector each: data,
#: weight, reciprocal pivot, multiplier, solution. Side by side, so that one point is one cache stream.
_DATA, _WEIGHT, _PIVOT, _MULTIPLIER, _SOLUTION, _POINT = (LANES * k for k in range(6))

#: Smallest standard deviation, as pybaselines 1.2 has it (`pybaselines.utils._MIN_FLOAT`).
_LEAST = float(np.finfo(np.float64).eps)


#: Change of the weights, in multiples of the tolerance, from which rounds that ran out were swinging between
#: two backgrounds and not slowly settling (chosen: above 65 against below 25 on simulated spectra).
#: `spectra._kernels.SWINGING` is the same.
SWINGING = 50.0


@kernel
def _eliminate(s, n, lam):
    """Factor λ·D'D + W = L·P·L' and solve L·x = W·y; return the lowest reciprocal pivot of each lane.

    D takes second differences: the diagonals of D'D are 1 5 6 … 6 5 1, −2 −4 … −4 −2 and 1 … 1.
    """
    stiff, zero, one = fill(lam), fill(0.0), fill(1.0)
    pivot1, pivot2, multiplier, solved1, solved2 = zero, zero, zero, zero, zero
    lowest = fill(np.inf)
    for i in range(n):
        edge = min(i, n - 1 - i)
        middle = lam * (6.0 if edge > 1 else 5.0 if edge == 1 else 1.0)
        beside = lam * (0.0 if i == 0 else -2.0 if i == 1 or i == n - 1 else -4.0)
        at = i * _POINT
        weight = load(s, at + _WEIGHT)
        far = stiff * pivot2
        near = beside - stiff * multiplier
        multiplier = near * pivot1
        pivot = one / (weight + middle - stiff * far - multiplier * near)
        solved = weight * load(s, at + _DATA) - multiplier * solved1 - far * solved2
        store(s, at + _PIVOT, pivot)
        store(s, at + _MULTIPLIER, multiplier)
        store(s, at + _SOLUTION, solved)
        lowest = where_less(pivot, lowest, pivot, lowest)
        pivot2, pivot1, solved2, solved1 = pivot1, pivot, solved1, solved
    return lowest


@kernel
def _substitute(s, n, lam, sums):
    """Finish the solution; sum up count, values and squares of the negative residuals of each lane."""
    stiff, zero, one = fill(lam), fill(0.0), fill(1.0)
    multiplier, solved1, solved2, count, first, second = zero, zero, zero, zero, zero, zero
    for i in range(n - 1, -1, -1):
        at = i * _POINT
        solved = (load(s, at + _SOLUTION) - stiff * solved2) * load(s, at + _PIVOT) - multiplier * solved1
        store(s, at + _SOLUTION, solved)
        below = load(s, at + _DATA) - solved
        count += where_less(below, zero, one, zero)
        below = where_less(below, zero, below, zero)
        first += below
        second += below * below
        multiplier = load(s, at + _MULTIPLIER)
        solved2, solved1 = solved1, solved
    store(sums, 0, count)
    store(sums, LANES, first)
    store(sums, 2 * LANES, second)


@kernel
def _exponential(x):
    """Return eˣ within 1e-13, |x| held to 64: a polynomial of x/128, squared seven times."""
    x = where_less(x, fill(64.0), x, fill(64.0))
    x = where_less(fill(-64.0), x, x, fill(-64.0)) * (1.0 / 128.0)
    e = x * (1.0 / 479001600.0) + 1.0 / 39916800.0
    e = e * x + 1.0 / 3628800.0
    e = e * x + 1.0 / 362880.0
    e = e * x + 1.0 / 40320.0
    e = e * x + 1.0 / 5040.0
    e = e * x + 1.0 / 720.0
    e = e * x + 1.0 / 120.0
    e = e * x + 1.0 / 24.0
    e = e * x + 1.0 / 6.0
    e = e * x + 0.5
    e = e * x + 1.0
    e = e * x + 1.0
    for _ in range(7):
        e = e * e
    return e


@kernel
def _reweigh(s, n, gain, centre, sums):
    """Replace the weights by 1/(1 + exp(gain · (residual − centre))); sum up their change and size."""
    gains, centres, one = load(gain, 0), load(centre, 0), fill(1.0)
    change, size = fill(0.0), fill(0.0)
    for i in range(n):
        at = i * _POINT
        residual = load(s, at + _DATA) - load(s, at + _SOLUTION)
        weight = one / (_exponential(gains * (residual - centres)) + one)
        old = load(s, at + _WEIGHT)
        step = weight - old
        change += step * step
        size += old * old
        store(s, at + _WEIGHT, weight)
    store(sums, 0, change)
    store(sums, LANES, size)


@kernel
def _enter(s, lane, row):
    """Put a spectrum into a lane, all weights one."""
    for i in range(row.size):
        s[i * _POINT + _DATA + lane] = row[i]
        s[i * _POINT + _WEIGHT + lane] = 1.0


@kernel
def _leave(s, lane, row):
    """Read the solution of a lane; return whether all of it is finite."""
    fine = True
    for i in range(row.size):
        row[i] = s[i * _POINT + _SOLUTION + lane]
        fine = fine and np.isfinite(row[i])
    return fine


@kernel
def arpls_rows(rows, lam, tol, max_iter, result, solved):
    """Find the arPLS baseline of each row, 16 rows at a time; a lane that is done takes the next row.

    Parameters
    ----------
    rows
        Spectra, shape (m, n), float64, finite, n ≥ 4.
    result
        Receives the baselines, shape (m, n).
    solved
        Receives 0 where a system had no positive pivots, 2 where the rounds ran out on swinging weights, 1
        elsewhere; shape (m,).
    """
    m, n = rows.shape
    s = np.zeros(n * _POINT)
    sums, changes = np.zeros(3 * LANES), np.zeros(2 * LANES)
    gain, centre, lowest = np.zeros(LANES), np.zeros(LANES), np.zeros(LANES)
    who, rounds = np.full(LANES, -1), np.zeros(LANES, np.int64)
    entered = left = 0
    for lane in range(min(LANES, m)):
        _enter(s, lane, rows[lane])
        who[lane] = lane
        entered += 1
    while left < m:
        store(lowest, 0, _eliminate(s, n, lam))
        _substitute(s, n, lam, sums)
        done = who == -2
        for lane in range(LANES):
            count, first = sums[lane], sums[LANES + lane]
            gain[lane] = 0.0
            if count < 2 or not lowest[lane] > 0:
                done[lane] = True
                continue
            mean = first / count
            deviation = np.sqrt(max(sums[2 * LANES + lane] - first * mean, 0.0) / (count - 1.0))
            deviation = deviation if deviation > 0 else _LEAST
            gain[lane], centre[lane] = 2.0 / deviation, 2.0 * deviation - mean
        _reweigh(s, n, gain, centre, changes)
        for lane in range(LANES):
            change = np.sqrt(changes[lane]) / max(np.sqrt(changes[LANES + lane]), _LEAST)
            rounds[lane] += 1
            if who[lane] < 0 or not (done[lane] or change < tol or rounds[lane] > max_iter):
                continue
            fine = _leave(s, lane, result[who[lane]]) and lowest[lane] > 0
            # Rounds that run out leave a background that swings between two solutions.
            solved[who[lane]] = 0 if not fine else 1 if done[lane] or change < SWINGING * tol else 2
            left += 1
            who[lane] = -1
            if entered < m:
                _enter(s, lane, rows[entered])
                who[lane], rounds[lane] = entered, 0
                entered += 1
