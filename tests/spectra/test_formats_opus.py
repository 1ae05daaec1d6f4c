"""Bruker OPUS files: what is read, what is refused, and an independent reader of the same bytes."""

import os
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instrument.emulators import opus_writer as w
from spectra.errors import FormatError
from spectra.formats import decode
from spectra.values import Technique

POINTS = 64
AXIS = np.linspace(4000.0, 400.0, POINTS)
BACKGROUND = np.linspace(0.2, 1.0, POINTS).astype("<f4").astype(float)
ABSORBANCE = (0.05 + 0.4 * np.exp(-(((AXIS - 1700) / 200) ** 2))).astype("<f4").astype(float)
SAMPLE = (BACKGROUND * 10**-ABSORBANCE).astype("<f4").astype(float)
AT = 1_700_000_000.0
AB, TR, RAM = (w.RESULT | w.AMPLITUDE | kind for kind in (w.ABSORBANCE, w.TRANSMITTANCE, w.RAMAN))
SM, RF = (side | w.AMPLITUDE | w.SINGLE_CHANNEL for side in (w.SAMPLE, w.BACKGROUND))
ABOUT = [
    (w.INSTRUMENT, w.parameter_block({"INS": "ALPHA", "SRN": "17", "SRT": AT + 60, "RLW": 9394.9})),
    (w.ACQUISITION, w.parameter_block({"RES": 4.0, "NSS": 32})),
    (w.ORIGIN, w.parameter_block({"SNM": "caffeine"})),
    (w.INSTRUMENT | w.BACKGROUND, w.parameter_block({"INS": "ALPHA", "SRT": AT})),
]


def curve(kind, values, axis=AXIS, **changes):
    status = {**w.data_parameters(axis, values, AT), **changes}
    return [
        (kind, w.number_block(values)),
        (kind | w.DATA, w.parameter_block({k: v for k, v in status.items() if v is not None})),
    ]


def ratioed(absorbance):
    return (10**-absorbance).astype("<f4").astype(float)


def whole():
    return w.assemble([*ABOUT, *curve(SM, SAMPLE), *curve(RF, BACKGROUND), *curve(AB, ABSORBANCE)])


def read(*blocks, **options):
    (one,) = decode(w.assemble([block for part in blocks for block in part]), name="x.0", **options)
    return one


def test_absorbance_with_what_the_file_says():
    (one,) = decode(whole(), name="x.0")
    assert one.format == "Bruker OPUS"
    assert one.title == "caffeine"
    assert one.spectrum.technique is Technique.FTIR
    assert one.spectrum.resolution_cm1 == 4.0
    assert np.array_equal(one.spectrum.intensity, ABSORBANCE[::-1])
    assert one.spectrum.axis == pytest.approx(AXIS[::-1])
    assert one.spectrum.history == ("read from Bruker OPUS, 64 points", "descending axis reversed")
    assert one.meta["result"] == "AB"
    assert (one.meta["INS"], one.meta["SRN"], one.meta["NSS"]) == ("ALPHA", "17", "32")
    assert one.meta["background SRT"] == str(AT)
    assert one.meta["DAT"] == "14/11/2023"


def test_absorbance_is_preferred_and_the_rest_is_said():
    one = read(ABOUT, curve(TR, ratioed(ABSORBANCE)), curve(AB, ABSORBANCE))
    assert one.meta["result"] == "AB"
    assert "a transmittance in the same file left out" in one.spectrum.history


@pytest.mark.parametrize(
    ("blocks", "made_of"),
    [
        ([curve(TR, ratioed(ABSORBANCE))], "TR"),
        ([curve(SM, SAMPLE), curve(RF, BACKGROUND)], "ScSm/ScRf"),
    ],
)
def test_transmittance_and_single_channels_become_absorbance(blocks, made_of):
    one = read(ABOUT, *blocks)
    assert one.meta["result"] == made_of
    assert one.spectrum.intensity == pytest.approx(ABSORBANCE[::-1], abs=1e-6)
    assert any("converted to absorbance" in step for step in one.spectrum.history)


def test_a_wider_background_is_cut_to_the_sample():
    step = AXIS[0] - AXIS[1]
    axis = np.linspace(AXIS[0] + 3 * step, AXIS[-1] - 2 * step, POINTS + 5)
    wide = np.concatenate([[9, 9, 9], BACKGROUND, [9, 9]])
    one = read(ABOUT, curve(SM, SAMPLE), curve(RF, wide, axis))
    assert one.spectrum.intensity == pytest.approx(ABSORBANCE[::-1], abs=1e-6)


def test_dark_ends_are_left_out_and_said():
    dim = np.where(np.arange(POINTS) < 5, -1e-4, ratioed(ABSORBANCE))
    one = read(ABOUT, curve(TR, dim))
    assert one.spectrum.axis.size == POINTS - 5
    assert "5 channel(s) without light at the ends left out" in one.spectrum.history


def test_channels_without_light_are_said():
    flat = ABSORBANCE.copy()
    flat[3] = 6.0
    assert "1 channel(s) at absorbance 6: no light there" in read(ABOUT, curve(AB, flat)).spectrum.history


def test_absorbance_that_is_not_of_its_single_channels_is_said():
    other = ABSORBANCE.copy()
    other[40] += 0.01
    one = read(ABOUT, curve(SM, SAMPLE), curve(RF, BACKGROUND), curve(AB, other))
    assert any(
        step.startswith("absorbance differs from its single channels") for step in one.spectrum.history
    )
    moved = curve(RF, BACKGROUND, AXIS + 1)
    assert not any(
        "differs" in step for step in read(curve(SM, SAMPLE), moved, curve(AB, other)).spectrum.history
    )


def test_raman_spectra_are_raman():
    one = read(ABOUT, curve(RAM, SAMPLE))
    assert one.spectrum.technique is Technique.RAMAN
    assert one.spectrum.laser_nm == pytest.approx(1e7 / 9394.9)


def test_micrometres_and_scale():
    axis = 1e4 / AXIS[:1] + np.arange(POINTS) * 0.25
    values = np.round(ABSORBANCE * 1000)
    kind = curve(
        AB, ABSORBANCE, axis, DXU="MI", CSF=1e-3, DPF=2, MXY=values.max() / 1e3, MNY=values.min() / 1e3
    )
    kind[0] = (AB, values.astype("<i4").tobytes())
    one = read(ABOUT, kind)
    assert one.spectrum.intensity == pytest.approx(values[::-1] / 1e3)
    assert one.spectrum.axis[-1] == pytest.approx(4000.0)
    assert "micrometres converted to cm⁻¹" in one.spectrum.history


def test_a_contradiction_of_the_caller_is_refused():
    with pytest.raises(FormatError, match="--technique raman"):
        decode(whole(), technique=Technique.RAMAN)


IGRAM = curve(w.SAMPLE | w.AMPLITUDE | w.INTERFEROGRAM, SAMPLE, DXU="PNT")


@pytest.mark.parametrize(
    ("blocks", "words"),
    [
        ([IGRAM], "holds only interferogram"),
        ([curve(SM, SAMPLE)], "without its background"),
        ([curve(RF, SAMPLE)], "a background alone"),
        ([ABOUT], "holds no spectrum"),
        ([curve(w.RESULT | w.AMPLITUDE | 12 * 1024, SAMPLE)], "result is reflectance"),
        (
            [curve(w.RESULT | w.AMPLITUDE | 12 * 1024, SAMPLE), curve(SM, SAMPLE), curve(RF, BACKGROUND)],
            "result is reflectance",
        ),
        ([curve(w.RESULT | w.AMPLITUDE | 99 * 1024, SAMPLE)], "holds only data of kind 99"),
        ([curve(AB | 1 << 17, SAMPLE)], "a derivative of absorbance"),
        ([curve(AB | 2 << 19, SAMPLE)], "a series or a compact block of absorbance"),
        ([curve(AB, SAMPLE), curve(AB, SAMPLE)], "2 blocks of absorbance: which one"),
        ([curve(AB, SAMPLE), curve(AB, SAMPLE)[1:]], "2 descriptions of the absorbance"),
        ([curve(AB, SAMPLE)[:1]], "0 descriptions"),
        ([curve(SM, SAMPLE), curve(RF, SAMPLE, AXIS + 7)], "different axes"),
        ([curve(SM, SAMPLE), curve(RF, SAMPLE[:40], AXIS[:40])], "covers less"),
        ([curve(TR, np.where(np.arange(POINTS) == 30, 0.0, SAMPLE))], "without light in the middle"),
        ([curve(TR, -SAMPLE)], "no light in any channel"),
        ([curve(AB, SAMPLE, NPT=POINTS + 1)], "64 numbers, NPT promises 65"),
        ([curve(AB, SAMPLE, NPT=POINTS // 2)], "or several spectra"),
        ([curve(AB, SAMPLE, NPT=1)], "NPT=1 is no number"),
        ([curve(AB, SAMPLE, NPT=2**30)], "is no number of points"),
        ([curve(AB, SAMPLE, NPT=64.5)], "no whole number"),
        ([curve(AB, SAMPLE, NPT="64")], "NPT is no number"),
        ([curve(AB, SAMPLE, MXY=1.0)], "MXY=1, but the numbers reach"),
        ([curve(AB, SAMPLE, MNY=float("nan"))], "MNY is no number"),
        ([curve(AB, SAMPLE, CSF=0.0)], "not finite"),
        ([curve(AB, SAMPLE, CSF=None)], "CSF is missing"),
        ([curve(AB, SAMPLE, DPF=3)], "DPF=3"),
        ([curve(AB, SAMPLE, DXU="SEC")], "an axis in 'SEC'"),
        ([curve(AB, SAMPLE, DXU="MI", FXV=-1.0)], "an axis in 'MI'"),
        ([curve(AB, SAMPLE, FXV=400.0)], "repeats or turns back|not strictly"),
        ([curve(AB, SAMPLE, FXV=40_000.0)], "impossible for ftir"),
        ([curve(AB, np.where(AXIS > 3000, np.inf, SAMPLE), MXY=1.0, MNY=0.0)], "not finite"),
        ([[(w.INSTRUMENT, w.parameter_block({"RLW": -1.0}))], curve(RAM, SAMPLE)], "no wavenumber of a laser"),
        ([[(w.ORIGIN, b"SNM\0\x02\0\x01\0ab")], curve(AB, SAMPLE)], "of no kind"),
        ([[(w.ORIGIN, b"S M\0\x02\0\x01\0abXX")], curve(AB, SAMPLE)], "is no name"),
        ([[(w.ORIGIN, b"SNM\0\x09\0\x01\0ab\0\0")], curve(AB, SAMPLE)], "of no kind"),
        ([[(w.ORIGIN, b"SNM\0\x01\0\x01\0ab\0\0")], curve(AB, SAMPLE)], "of no kind"),
        ([[(w.ORIGIN, b"SNM\0\x02\0\xff\xffab\0\0")], curve(AB, SAMPLE)], "of no kind"),
        ([[(w.ORIGIN, w.parameter_block({"SNM": "a"})[:10] + w.parameter_block({"SNM": "b"}))], curve(AB, SAMPLE)], "twice"),
        ([[(w.ORIGIN, w.parameter_block({"SNM": "ab"})[:12])], curve(AB, SAMPLE)], "without an end"),
        ([[(w.OPTICS, w.parameter_block({}))] * 101], "more than 100 blocks"),
        ([[(w.ORIGIN, bytes(1 << 17))], curve(AB, SAMPLE)], "131072 bytes"),
    ],
)  # fmt: skip
def test_what_is_no_single_sound_spectrum_is_refused_in_words(blocks, words):
    with pytest.raises(FormatError, match=words):
        read(*blocks)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: data[:10], "within its header"),
        (lambda data: data[:30], "within its directory"),
        (lambda data: data[:-4], "cut off"),
        (lambda data: data[:20] + struct.pack("<i", 41) + data[24:], "41 blocks"),
        (lambda data: data[:20] + struct.pack("<i", 0) + data[24:], "0 blocks"),
        (lambda data: data[:12] + struct.pack("<i", -4) + data[16:], "at byte -4"),
        (lambda data: data[:40] + struct.pack("<ii", 8, 24) + data[48:], "over each other"),
        (lambda data: data[:40] + struct.pack("<ii", -8, 504) + data[48:], "over each other"),
    ],
)
def test_damaged_files_are_refused_in_words(change, words):
    with pytest.raises(FormatError, match=words):
        decode(change(whole()))


def test_too_large_a_file_is_refused(monkeypatch):
    monkeypatch.setattr("spectra.formats.reading.MAX_BYTES", 1000)
    with pytest.raises(FormatError, match="more than"):
        decode(whole())


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_damage_anywhere_is_refused_or_harmless(data):
    good = whole()
    bad = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(good) - 1))
        bad[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.sampled_from([len(bad), data.draw(st.integers(0, len(bad)))]))
    try:
        found = decode(bytes(bad[:cut]))
    except FormatError:
        return
    assert all(np.isfinite(one.spectrum.intensity).all() for one in found)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 50))
def test_no_bytes_raise_anything_else(tail, count):
    head = struct.pack("<4sdiii", w.MAGIC, w.VERSION, 24, 60, count)
    with pytest.raises(FormatError):
        decode(head + tail)


def test_damage_to_the_numbers_is_noticed():
    good = whole()
    start = good.index(w.number_block(ABSORBANCE))
    for at in range(start + 3, start + 4 * POINTS, 4):
        bad = good[:at] + bytes([good[at] ^ 0xFF]) + good[at + 1 :]
        try:
            (one,) = decode(bad)
        except FormatError:
            continue
        assert any("differs" in step for step in one.spectrum.history)


def test_an_independent_reader_sees_the_same(tmp_path):
    brukeropus = pytest.importorskip("brukeropus")
    (tmp_path / "x.0").write_bytes(whole())
    seen = brukeropus.read_opus(tmp_path / "x.0")
    (ours,) = decode(whole())
    assert np.array_equal(seen.a.y[::-1], ours.spectrum.intensity)
    assert seen.a.x[::-1] == pytest.approx(ours.spectrum.axis)
    assert seen.params.res == 4.0
    assert np.array_equal(seen.sm.y, SAMPLE)


@pytest.fixture(scope="module")
def files():
    return Path(os.environ["OPIOSCAN_SHARED"]) / "data" / "vendor-files"


@pytest.mark.shared
def test_measured_files_read_like_an_independent_reader_reads_them(files):
    brukeropus = pytest.importorskip("brukeropus")
    for path, key, technique in (
        (files / "openspecy" / "ftir_ps.0", "a", Technique.FTIR),
        (files / "test_opus.0", "ra", Technique.RAMAN),
    ):
        (ours,) = decode(path.read_bytes(), name=path.name)
        theirs = getattr(brukeropus.read_opus(path), key)
        assert ours.spectrum.technique is technique
        assert np.array_equal(theirs.y[::-1], ours.spectrum.intensity)
        assert theirs.x[::-1] == pytest.approx(ours.spectrum.axis, abs=1e-9)


@pytest.mark.shared
def test_polystyrene_on_an_atr_crystal(files):
    (one,) = decode((files / "openspecy" / "ftir_ps.0").read_bytes(), name="ftir_ps.0")
    assert one.spectrum.resolution_cm1 == 4.0
    assert "ATR" in one.meta["ACC"]
    assert float(one.meta["SRT"]) - float(one.meta["background SRT"]) == pytest.approx(581.2, abs=0.1)
    # ASTM E1421 lists 1601.2 and 1028.3 cm⁻¹ for polystyrene in transmission; ATR moves bands down by a little.
    for band in (1601.2, 1028.3):
        near = abs(one.spectrum.axis - band) < 8
        assert one.spectrum.axis[near][np.argmax(one.spectrum.intensity[near])] == pytest.approx(band, abs=3)
    # AB is the ratio of the single channels of the same file.
    assert not any("differs" in step for step in one.spectrum.history)
