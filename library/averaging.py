"""The average of a draft's replicates, and how noisy it is."""

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import uniform_filter1d

from spectra.noise import noise_of
from spectra.values import FloatArray, Spectrum, Technique

from .drafts import Draft, Replicate

#: What varies more slowly than this between replicates, in channels, is background and coupling, not noise;
#: and the variance of neighbouring channels is taken together over so many. Chosen.
SLOW, POOLED = 51, 5


def average(draft: Draft) -> Spectrum:
    """Return the mean of the replicates that count, with the noise of that mean.

    Each replicate is first divided by its least-squares factor against the mean: how much light was coupled
    in differs from spot to spot. The noise of a channel is the standard error of its mean: standard deviation
    over replicates less what varies slowly along the axis (`SLOW`), variances pooled over `POOLED`
    channels, over √n. Below three replicates it is that of `spectra.noise.noise_of`, over √n.
    """
    kept = draft.kept
    rows = np.stack([one.intensity for one in kept])
    mean = rows.mean(axis=0)
    # Infrared is absorbance: its size is a fact of the sample, and stays.
    if draft.technique is Technique.RAMAN and _square(mean) > 0:
        factors = rows @ mean / _square(mean)
        if (factors > 0).all():
            rows = rows / factors[:, None]
    mean = rows.mean(axis=0)
    words = f"mean of replicates: {len(kept)}, spots: {draft.spots}, days: {draft.days}"
    unit = (
        "counts per second"
        if any(one.exposure_s > 0 for one in kept) and draft.technique is Technique.RAMAN
        else "as the device gives them"
    )
    history = (*_common(kept), f"{words}, intensities {unit}", *_emulated(draft))
    return Spectrum(
        draft.axis,
        mean,
        draft.technique,
        noise=_noise(rows, mean),
        laser_nm=draft.laser_nm,
        resolution_cm1=draft.resolution_cm1,
        history=history,
    )


def _noise(rows: FloatArray, mean: FloatArray) -> FloatArray:
    count = len(rows)
    if count < 3:
        return np.asarray(noise_of(rows).mean(axis=0) / np.sqrt(count), dtype=np.float64)
    apart = rows - mean
    apart = apart - uniform_filter1d(apart, SLOW, axis=1, mode="nearest")
    variance = uniform_filter1d((apart**2).sum(axis=0) / (count - 1), POOLED, mode="nearest")
    return np.asarray(np.sqrt(np.maximum(variance, 0.0) / count), dtype=np.float64)


def _common(kept: Sequence[Replicate]) -> tuple[str, ...]:
    """Return the steps all replicates have in common, in the order of the first."""
    return tuple(step for step in kept[0].history if all(step in one.history for one in kept))


def _emulated(draft: Draft) -> tuple[str, ...]:
    return ("measured by an emulated device: no real sample",) if draft.device.emulated else ()


def _square(row: FloatArray) -> float:
    return float(row @ row)
