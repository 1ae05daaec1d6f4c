"""Every reader keeps the contract of readers: sample files of known numbers, cut, damaged and asked about."""

import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instrument.emulators import opus_writer
from spectra.errors import FormatError, UnknownFormat
from spectra.formats import BINARY, READERS, columns, decode, foreign
from spectra.formats.testing import OUR_SAMPLES, ReaderContract, SampleFile
from spectra.formats.testing_binary import encode_sp, encode_spc, encode_wdf
from spectra.formats.testing_sample import ABSORBANCE, COUNTS, EVEN
from spectra.values import Technique


def opus_sample():
    kind = opus_writer.RESULT | opus_writer.AMPLITUDE | opus_writer.ABSORBANCE
    axis, values = EVEN[::-1], ABSORBANCE[::-1]
    blocks = [
        (opus_writer.ORIGIN, opus_writer.parameter_block({"SNM": "sample"})),
        (kind, opus_writer.number_block(values)),
        (
            kind | opus_writer.DATA,
            opus_writer.parameter_block(opus_writer.data_parameters(axis, values, 1.7e9)),
        ),
    ]
    data = opus_writer.assemble(blocks)
    return SampleFile("opus absorbance", "Bruker OPUS", data, EVEN, (ABSORBANCE,), Technique.FTIR)


SAMPLES = [make() for make in (*OUR_SAMPLES, opus_sample)]


class TestReaders(ReaderContract):
    @pytest.fixture(params=SAMPLES, ids=str)
    def sample(self, request):
        return request.param


def test_no_reader_is_without_a_sample():
    readers = {module.FORMAT for module in (*BINARY, *READERS) if module is not foreign}
    assert readers == {sample.format for sample in SAMPLES}


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_one_reader_alone_recognises_each_sample(sample):
    binary = [module.FORMAT for module in BINARY if module is not foreign and module.recognise(sample.data)]
    assert not foreign.recognise(sample.data)
    if sample.text:
        text = sample.data.decode()
        found = [module.FORMAT for module in READERS if module.recognise(text) and module is not columns]
        assert binary == []
        assert found == ([] if sample.format == columns.FORMAT else [sample.format])
    else:
        assert binary == [sample.format]


def made(name):
    (found,) = [sample for sample in SAMPLES if sample.name == name]
    return found.data


def changed(name, at, layout, value):
    data = bytearray(made(name))
    struct.pack_into(layout, data, at, value)
    return bytes(data)


SPC, SPA, WDF = "spc single precision", "spa absorbance", "wdf, 1 in room for 1"
SP = "sp absorbance"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (changed(SPC, 4, "<I", 2**32 - 1), "no number of points"),
        (changed(SPC, 4, "<I", 97), "cut off"),
        (changed(SPC, 24, "<I", 2), "2 spectra in a file that says it holds one"),
        (changed("spc three over one uneven axis", 24, "<I", 2**32 - 1), "are a map"),
        (changed("spc three over one uneven axis", 24, "<I", 4), "cut off"),
        (changed("spc three with axes of their own", 512 + 16, "<I", 2**31), "no number of points"),
        (changed("spc three with axes of their own", 4, "<I", 700), "is not where the directory has it|within its directory"),
        (changed(SPC, 8, "<d", float("nan")), "an axis from nan"),
        (changed(SPC, 8, "<d", 400.0 + 8 * 95), "an axis from 1160 to 1160"),
        (changed(SPC, 28, "<B", 9), "an axis in m/z"),
        (changed(SPC, 28, "<B", 0), "an axis in arbitrary units"),
        (changed(SPC, 29, "<B", 129), "intensities as reflectance"),
        (changed("spc absorbance, descending", 28, "<B", 13), "absorbance over a Raman shift"),
        (changed("spc labelled", 0, "<B", 0), "arbitrary units"),
        (changed("spc with a log", 248, "<I", 600), "the next thing starts at 600"),
        (changed(SPC, 4, "<I", 95), "the next thing starts at 928"),
        (changed("old spc, 1", 4, "<f", 95), "the next thing starts at"),
        (made(SPC) + b"x", "the next thing starts at 929"),
        (changed("spc with a log", 248, "<I", 10**6), "within its log"),
        (changed("old spc, 1", 4, "<f", 97), "cut off"),
        (changed("old spc, 1", 0, "<B", 128), "abscissae of its own"),
        (changed("old spc, 1", 0, "<B", 1), "in 16-bit integers"),
        (changed("old spc, 1", 2, "<h", -128), "in floating point"),
        (changed("old spc, 1", 2, "<h", 300), "an exponent of 300"),
        (made("old spc, 3")[:-4], "bytes too many"),
        (changed(SPA, 294, "<H", 0), "0 sections"),
        (changed(SPA, 304, "<H", 3), "0 descriptions"),
        (changed(SPA, 320, "<H", 2), "2 descriptions"),
        (changed(SPA, 304 + 6, "<I", 8), "description of 8 bytes"),
        (changed(SPA, 560 + 4, "<I", 95), "numbers for 95 points"),
        (changed(SPA, 560 + 8, "<I", 2), "an interferogram is no spectrum"),
        (changed(SPA, 560 + 12, "<I", 12), r"log\(1/R\)"),
        (changed(SP, 10, "<B", 0), "a Perkin-Elmer file of '2D con"),
        (changed(SP, 44, "<H", 121), "number 121, 120 is due"),
        (changed(SP, 50, "<H", 35699), "stands there twice"),
        (changed(SP, 52, "<I", 10**6), "leaves its set"),
        (changed(SP, 56, "<H", 0), "of the kind 0x0"),
        (changed(SP, 58 + 24 + 2, "<d", 0.0), "reach 0, but they reach"),
        (encode_sp(EVEN, ABSORBANCE, y_label=b"%R"), "'%R' over 'cm-1'"),
        (encode_sp(EVEN, ABSORBANCE, x_label=b""), "over ''"),
        (changed(WDF, 60, "<I", 2**31), "map|damaged"),
        (changed(WDF, 72, "<Q", 2), "2 spectra in room for 1"),
        (changed(WDF, 72, "<Q", 2**60), "are a map"),
        (changed(WDF, 72, "<Q", 0), "no spectrum"),
        (changed(WDF, 156, "<f", -1.0), "no wavenumber of a laser"),
        (changed(WDF, 512 + 8, "<Q", 2**63), "cut off"),
        (changed(WDF, 512 + 8, "<Q", 0), "block 'DATA' of 0 bytes"),
        (changed(WDF, 512, "<4s", b"DOTA"), "0 blocks DATA"),
        (changed(WDF, 512 + 16 + 4 * 96 + 28 + 20, "<I", 2), "in unit 2"),
    ],
)  # fmt: skip
def test_what_contradicts_itself_is_refused_in_words(data, words):
    with pytest.raises(FormatError, match=words):
        decode(data)


def test_zero_bytes_behind_the_numbers_are_padding():
    (one,) = decode(made(SPC) + bytes(100))
    assert one.spectrum.intensity.tolist() == COUNTS.tolist()
    with pytest.raises(FormatError, match="the next thing starts at"):
        decode(made(SPC) + bytes(513))


def test_counts_called_absorbance_are_counts_and_the_history_says_so():
    (one,) = decode(changed(SPC, 29, "<B", 2))
    assert one.spectrum.technique is Technique.RAMAN
    assert one.spectrum.history[1] == "called absorbance in the file, but 4401 is none: taken as intensity"
    with pytest.raises(FormatError, match="give --technique"):
        decode(encode_spc(EVEN, (COUNTS,), x_type=1, y_type=2))


@pytest.mark.parametrize(
    "data",
    [
        changed(SPC, 4, "<I", 1 << 20),
        changed("spc three over one uneven axis", 24, "<I", 1000),
        changed(SPA, 560 + 4, "<I", 1 << 20),
        changed(WDF, 60, "<I", 1 << 20),
        b"File" * 5 + b",1" * 100_000,
    ],
)
def test_nothing_is_allocated_for_numbers_that_are_not_there(data):
    tracemalloc.start()
    try:
        with pytest.raises(FormatError):
            decode(data)
        assert tracemalloc.get_traced_memory()[1] < 32 << 20
    finally:
        tracemalloc.stop()


NUMBERS = st.integers(-(2**24), 2**24)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=2, max_size=40), st.integers(-6, 6))
def test_whatever_numbers_go_in_come_out(pairs, power):
    curves = [np.array(column) * 2.0**power for column in zip(*pairs, strict=True)]
    axis = 100.0 + np.arange(len(pairs)) ** 1.5
    axis = axis.astype(np.float32).astype(float)
    # fractions of full scale: 2^24 · 2^power has to stay below it
    for data in (
        encode_spc(axis, curves, flags=128),
        encode_spc(axis, curves, flags=128 | 64, exponent=power + 26),
        encode_wdf(axis, curves),
    ):
        found = decode(data)
        assert len(found) == 2
        for one, curve in zip(found, curves, strict=True):
            assert np.array_equal(one.spectrum.axis, axis)
            assert np.array_equal(one.spectrum.intensity, curve)


def test_the_largest_map_that_is_read_takes_a_bounded_memory():
    x, y = np.linspace(400.0, 2000.0, 4194), np.ones(4194)
    data = encode_spc(x, [y] * 1000, exponent=16, flags=1)
    tracemalloc.start()
    try:
        assert len(decode(data)) == 1000
        assert tracemalloc.get_traced_memory()[1] < 256 << 20
    finally:
        tracemalloc.stop()
    with pytest.raises(FormatError, match="4194304 points, are read"):
        decode(data[:4] + struct.pack("<I", 4195) + data[8:])


@pytest.mark.parametrize(
    "head",
    [
        b"data_1\nloop_\n_raman_spectrum.raman_shift\n_raman_spectrum.intensity\n",
        b">>>>>Begin Spectral Data<<<<<\n",
    ],
)
def test_longer_tables_than_any_instrument_makes_are_refused(head):
    with pytest.raises(FormatError, match="more than 131072 rows"):
        decode(head + b"1 1\n" * 140_000)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("data_1\n;\nx\n_raman_spectrum.raman_shift\n", "no end"),
        ("data_1\n_raman_spectrum.raman_shift\n1 2\n", "outside of a loop"),
        ("data_1\nloop_\n_raman_spectrum.raman_shift\n1\n2\n", "no _raman_spectrum.intensity"),
        ("data_1\n_raman_measurement.range_max 900\nloop_\n_raman_spectrum.raman_shift\n_raman_spectrum.intensity\n1 2\n500 3\n", "ends at 500: cut off"),
        ("XAxis mode: Pixels\n>>>>>Begin Spectral Data<<<<<\n1 2\n2 3\n", "XAxis mode 'Pixels'"),
        ("Number of Pixels in Spectrum: 3\n>>>>>Begin Spectral Data<<<<<\n1 2\n2 3\n", "promises 3 pixels"),
        (">>>>>Begin Spectral Data<<<<<\n1 2\n2 3\n>>>>>End Spectral Data<<<<<\n", "does not say how it was measured"),
        ("400,401,spectrum_type\n1,2,FTIR\n", "intensity_units is ''"),
        ("400,401,spectrum_type\n1,2,NMR\n", "neither Raman nor FTIR"),
        ("400,401,4?2,403,spectrum_type\n1,2,3,4,Raman\n", "column 3, '4.2', stands among wavenumbers"),
        ("400,401,spectrum_type\n1,2\n", "2 cells for 3 columns"),
        ("400,401,spectrum_type,user_name\n1,2,Raman,\"x\n", "damaged"),
        ("30\n4000.0\n400.0\n1\n2\n4\n0.1\n0.2\n", "2 numbers, the first line promises 30"),
    ],
)  # fmt: skip
def test_texts_that_lack_something_are_refused_in_words(text, words):
    with pytest.raises(FormatError, match=words):
        decode(text.encode())


def test_open_specy_infrared_names_its_unit():
    (one,) = decode(b"400,401,spectrum_type,intensity_units\n10,100,FTIR,transmittance\n")
    assert one.spectrum.intensity.tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"PK\x03\x04" + bytes(600), "a ZIP archive"),
        (b"\x1f\x8b\x08" + bytes(40), "gzip archive or R data"),
        (b"#WXD0000", "Renishaw WiRE 2 file"),
        (b"Spectral Exte File\r\n", "OMNIC group"),
        (b'{"wavenumber": [1, 2]}', "JSON"),
        (b"[[1, 2], [3, 4]]", "JSON"),
        (bytes(1992) + struct.pack("<f", 3.0) + bytes(2102) + b"UU", "Princeton Instruments SPE"),
    ],
)
def test_known_formats_are_refused_by_name(data, words):
    with pytest.raises(UnknownFormat, match=words):
        decode(data)


@pytest.mark.parametrize(
    "data", [b"\0K" + bytes(31), b"AMERICA " * 99, b"EM" + bytes(600), b"OK\0" + b"\xff" * 60, bytes(40)]
)
def test_chance_bytes_are_not_taken_for_a_binary_format(data):
    with pytest.raises(FormatError):
        decode(data)
