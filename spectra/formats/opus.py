"""Bruker OPUS files (``.0``, ``.1``, …), binary.

Read is one spectrum a file: absorbance; else transmittance; else the ratio of the sample's single channel to
the background's; or a Raman spectrum. Everything else is refused by name: interferograms, spectra without a
background, series, reflectance and its relatives, whose absorbance somebody has to decide on in OPUS.
"""

import numpy as np

from ..errors import FormatError, SpectrumMismatch, ValueRangeError
from ..infrared_units import absorbance_of, aligned_background, lit_part
from ..values import FloatArray, Technique
from .opus_blocks import MAGIC, Kind, Side
from .opus_file import OpusFile, described_as
from .reading import MAX_META, Decoded, Request, build, check_size, clean

FORMAT = "Bruker OPUS"
#: Where OPUS has no light it writes this absorbance; seen in files of OPUS 8.1.
DARK_ABSORBANCE = 6.0
#: Fresh from the spectrometer, absorbance is the ratio of its single channels to single precision.
SAME_ABSORBANCE = 1e-5
#: Share of its maximum below which a single channel is noise, and OPUS divides by it as it likes; chosen, on
#: a file of OPUS 8.1.
DIM = 1e-3
#: Results of other measurements than transmission and ATR: the ratio of their single channels is no
#: transmittance.
OTHER_RESULTS = (
    Kind.REFLECTANCE,
    Kind.LOG_REFLECTANCE,
    Kind.KUBELKA_MUNK,
    Kind.PHOTOACOUSTIC,
    Kind.EMISSION,
)
#: How the history begins to say that it is not.
DIFFERS = "absorbance differs from its single channels by up to"


def recognise(data: bytes) -> bool:
    """Whether bytes start like an OPUS file."""
    return data.startswith(MAGIC)


def decode(data: bytes, request: Request) -> tuple[Decoded, ...]:
    """Decode the spectrum of an OPUS file.

    ``meta`` holds OPUS's own parameters by their three letters, those of the background behind
    ``background ``.

    Raises
    ------
    FormatError
        Damaged, cut off, or without exactly one spectrum that can be read.
    """
    check_size(data)
    held = OpusFile(data)
    history: list[str] = []
    if held.result(Kind.RAMAN):
        axis, values = held.curve(Side.RESULT, Kind.RAMAN, history)
        technique, made_of = Technique.RAMAN, "RAM"
    else:
        axis, values, made_of = _absorbance(held, history)
        technique = Technique.FTIR
    technique = request.settle_technique(technique)
    spectrum = build(
        axis,
        values,
        technique,
        history=[f"read from {FORMAT}, {axis.size} points", *history],
        laser_nm=request.settle_laser(held.laser_nm() if made_of == "RAM" else None, technique),
        resolution_cm1=held.resolution(),
    )
    meta = {name: clean(str(value)) for name, value in held.parameters.items()}
    kept = dict(list(meta.items())[: MAX_META - 1])
    return (Decoded(spectrum, FORMAT, meta.get("SNM") or request.name, {"result": made_of, **kept}),)


def _absorbance(held: OpusFile, history: list[str]) -> tuple[FloatArray, FloatArray, str]:
    """Return axis, absorbance, and what it was made of."""
    if held.result(Kind.ABSORBANCE):
        axis, values = held.curve(Side.RESULT, Kind.ABSORBANCE, history)
        if (difference := _difference(held, axis, values)) is not None:
            history.append(f"{DIFFERS} {difference}: processed in OPUS, or damaged")
        if held.result(Kind.TRANSMITTANCE):
            history.append("a transmittance in the same file left out")
        dark = int((values >= DARK_ABSORBANCE).sum())
        if dark:
            history.append(f"{dark} channel(s) at absorbance {DARK_ABSORBANCE:g}: no light there")
        return axis, values, "AB"
    if held.result(Kind.TRANSMITTANCE):
        axis, values = held.curve(Side.RESULT, Kind.TRANSMITTANCE, history)
        return *_converted(axis, history, "transmittance", values), "TR"
    if others := [kind for kind in OTHER_RESULTS if held.result(kind)]:
        # the ratio of its single channels would be that, and pass for a transmittance
        raise FormatError(
            f"the file's result is {described_as(Side.RESULT, others[0])}: save absorbance (AB) in OPUS"
        )
    beams = [held.result(Kind.SINGLE_CHANNEL, side) for side in (Side.SAMPLE, Side.BACKGROUND)]
    if all(beams):
        axis, sample = held.curve(Side.SAMPLE, Kind.SINGLE_CHANNEL, history)
        try:
            background = aligned_background(axis, *held.curve(Side.BACKGROUND, Kind.SINGLE_CHANNEL, history))
        except SpectrumMismatch as error:
            raise FormatError(str(error)) from error
        return *_converted(axis, history, "ratio of single channels", sample, background), "ScSm/ScRf"
    raise FormatError(_why_not(held, *beams))


def _difference(held: OpusFile, axis: FloatArray, absorbance: FloatArray) -> str | None:
    """Say how far absorbance is from the single channels in the same file; None where it is theirs."""
    sides = Side.SAMPLE, Side.BACKGROUND
    if not all(held.result(Kind.SINGLE_CHANNEL, side) for side in sides):
        return None
    beam_axis, sample = held.curve(Side.SAMPLE, Kind.SINGLE_CHANNEL, [])
    try:
        background = aligned_background(axis, *held.curve(Side.BACKGROUND, Kind.SINGLE_CHANNEL, []))
        sample = aligned_background(axis, beam_axis, sample)
    except SpectrumMismatch:
        return None
    lit = (sample > DIM * sample.max()) & (background > DIM * background.max()) & (background > 0)
    lit &= (sample > 0) & (absorbance < DARK_ABSORBANCE)
    ratio = np.divide(sample, background, out=np.ones(axis.size), where=lit)
    apart = np.where(lit, np.abs(-np.log10(ratio) - absorbance), 0.0)
    worst = int(np.argmax(apart))
    if apart[worst] <= SAME_ABSORBANCE * (1 + abs(float(absorbance[worst]))):
        return None
    return f"{apart[worst]:.2g} at {axis[worst]:.0f} cm⁻¹"


def _converted(
    axis: FloatArray, history: list[str], what: str, values: FloatArray, background: FloatArray | None = None
) -> tuple[FloatArray, FloatArray]:
    channels = (values,) if background is None else (values, background)
    try:
        lit = lit_part(*channels)
        ratio = values[lit] if background is None else values[lit] / background[lit]
        absorbance = absorbance_of(ratio)
    except ValueRangeError as error:
        raise FormatError(f"{error}: save absorbance in OPUS, or a shorter range") from error
    history.append(f"{what} converted to absorbance")
    if absorbance.size < values.size:
        history.append(f"{values.size - absorbance.size} channel(s) without light at the ends left out")
    return axis[lit], absorbance


def _why_not(held: OpusFile, sample: bool, background: bool) -> str:
    if sample:
        return "a single channel without its background: save absorbance (AB) in OPUS"
    if background:
        return "a background alone: measure a sample against it"
    for block in held.blocks:
        if block.parameters or block.kind in {Kind.NONE, Kind.DIRECTORY}:
            continue
        what = described_as(Side.RESULT, block.kind)
        if block.form in {2, 4}:
            return f"a series or a compact block of {what} is not read: save single spectra in OPUS"
        if block.derivative:
            return f"a derivative of {what} is not read: save the spectrum itself in OPUS"
        return f"the file holds only {what}: save absorbance (AB) in OPUS"
    return "the OPUS file holds no spectrum"
