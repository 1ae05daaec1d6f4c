"""Test kit for file formats: one suite that every reader has to keep, and sample files of known numbers.

It ships so that the author of another reader can hold it to the same rules: describe one file a variant by
`SampleFile` and subclass the suite with a fixture ``sample``::

    class TestMyFormat(ReaderContract):
        @pytest.fixture(params=[my_sample()])
        def sample(self, request):
            return request.param

The bytes of our own samples are made by encoders in `testing_binary` and `testing_text`, which share no code
with the readers; they are no measured spectra.
"""

import time
from collections.abc import Callable, Sequence

import numpy as np

from ..errors import FormatError
from ..values import Technique
from . import MAX_BYTES, Decoded, decode
from .testing_binary import BINARY_SAMPLES
from .testing_sample import SampleFile
from .testing_text import TEXT_SAMPLES

__all__ = ["OUR_SAMPLES", "ReaderContract", "SampleFile", "damaged"]

#: One file of known numbers for each variant of each format made here.
OUR_SAMPLES: tuple[Callable[[], SampleFile], ...] = (*BINARY_SAMPLES, *TEXT_SAMPLES)
#: Longest that decoding a sample may take, whatever was done to it, s.
LONGEST_S = 2.0
#: Damaged copies tried of each sample.
COPIES = 60
#: Step of the lengths a sample is cut to, bytes.
CUT_STEP = 50


class ReaderContract:
    """What every reader has to keep."""

    def test_the_numbers_are_right(self, sample: SampleFile) -> None:
        """Every spectrum of the file, in its order."""
        found = read(sample, sample.data)
        assert [one.format for one in found] == [sample.format] * len(sample.curves)
        for one, curve in zip(found, sample.curves, strict=True):
            assert one.spectrum.technique is sample.technique
            assert one.spectrum.laser_nm == sample.laser_nm
            np.testing.assert_allclose(one.spectrum.axis, sample.axis, rtol=sample.tolerance, atol=0)
            np.testing.assert_allclose(one.spectrum.intensity, curve, rtol=sample.tolerance, atol=1e-9)

    def test_the_axis_ascends_and_nothing_can_be_changed(self, sample: SampleFile) -> None:
        """Whatever order the file has."""
        for one in read(sample, sample.data):
            assert (np.diff(one.spectrum.axis) > 0).all()
            assert not one.spectrum.axis.flags.writeable
            assert not one.spectrum.intensity.flags.writeable
            assert one.spectrum.history

    def test_the_technique_is_in_the_file_or_asked_for(self, sample: SampleFile) -> None:
        """Never guessed, and a contradiction is refused."""
        if sample.asks:
            assert "give --technique" in _refusal(lambda: decode(sample.data, laser_nm=sample.give_laser_nm))
            return
        other = Technique.FTIR if sample.technique is Technique.RAMAN else Technique.RAMAN
        assert decode(sample.data, laser_nm=sample.give_laser_nm)
        assert f"--technique {other} was given" in _refusal(lambda: decode(sample.data, technique=other))

    def test_the_name_decides_nothing(self, sample: SampleFile) -> None:
        """Content alone does."""
        for name in ("x.spc", "x.csv", "x.pdf", ""):
            found = decode(sample.data, name=name, technique=sample.technique, laser_nm=sample.give_laser_nm)
            assert found[0].format == sample.format

    def test_a_file_cut_off_is_refused(self, sample: SampleFile) -> None:
        """At every length; without a count in the format, rows may be missing at the end, none is wrong."""
        for length in range(0, len(sample.data), CUT_STEP):
            found = self._decoded(sample, sample.data[:length])
            if found is not None:
                _assert_no_loss(sample, found)

    def test_damage_is_refused_or_leaves_a_sound_spectrum(self, sample: SampleFile) -> None:
        """Nothing but `FormatError` comes out, and no number that is not finite."""
        for copy in damaged(sample.data, COPIES):
            found = self._decoded(sample, copy)
            for one in found or ():
                assert np.isfinite(one.spectrum.intensity).all()
                assert (np.diff(one.spectrum.axis) > 0).all()

    def test_too_large_a_file_is_refused(self, sample: SampleFile) -> None:
        """By its size, before it is looked at."""
        filler = sample.data[-1:] if sample.text else b"\0"
        assert "more than" in _refusal(lambda: decode(sample.data + filler * MAX_BYTES))

    def _decoded(self, sample: SampleFile, data: bytes) -> tuple[Decoded, ...] | None:
        began = time.monotonic()
        try:
            return read(sample, data)
        except FormatError:
            return None
        finally:
            assert time.monotonic() - began < LONGEST_S


def read(sample: SampleFile, data: bytes) -> tuple[Decoded, ...]:
    """Decode bytes with what the sample's reader asks for."""
    return decode(data, technique=sample.technique if sample.asks else None, laser_nm=sample.give_laser_nm)


def damaged(data: bytes, copies: int, *, seed: int = 5) -> list[bytes]:
    """Return copies of a file with one to four bytes changed; equal seeds give equal copies.

    Half of the damage lies in the first 600 bytes, where headers are.
    """
    draw = np.random.default_rng(seed)
    found = []
    for copy in range(copies):
        changed = bytearray(data)
        end = min(len(data), 600) if copy % 2 else len(data)
        for at in draw.integers(0, end, draw.integers(1, 5)):
            changed[int(at)] = int(draw.integers(0, 256))
        found.append(bytes(changed))
    return found


def _refusal(call: Callable[[], Sequence[Decoded]]) -> str:
    """Return the words of the refusal; fails where there is none."""
    try:
        call()
    except FormatError as error:
        words = str(error)
    else:
        raise AssertionError("nothing was refused")
    assert "\n" not in words
    return words


def _assert_no_loss(sample: SampleFile, found: Sequence[Decoded]) -> None:
    assert len(found) == len(sample.curves)
    for one, curve in zip(found, sample.curves, strict=True):
        got, axis = one.spectrum.intensity, one.spectrum.axis
        if sample.counted:
            assert got.size == curve.size
        # The last number of a text may have lost digits, even where the points are counted.
        whole = got.size - 1 if sample.text else got.size
        np.testing.assert_allclose(axis[:whole], sample.axis[:whole], rtol=sample.tolerance, atol=0)
        np.testing.assert_allclose(got[:whole], curve[:whole], rtol=sample.tolerance, atol=1e-9)
