"""``opioscan show`` and ``opioscan convert``, run as programs."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from service.cli.show import strongest_bands
from service.cli.spectrum_files import read_spectra
from service.cli.start import run
from spectra.formats import decode, encode_csv, encode_jcamp
from spectra.values import Spectrum, Technique

AXIS = np.linspace(400.0, 1800.0, 701)
CURVE = (
    5.0 * np.exp(-(((AXIS - 1000.0) / 8) ** 2)) + 2.0 * np.exp(-(((AXIS - 1600.0) / 8) ** 2)) + AXIS / 1000
)


@pytest.fixture
def spectrum():
    return Spectrum(axis=AXIS, intensity=CURVE, technique=Technique.RAMAN, laser_nm=785.0)


@pytest.fixture
def file(tmp_path, spectrum):
    path = tmp_path / "sample.jdx"
    path.write_bytes(encode_jcamp(spectrum, "two \x1b[31mbands"))
    return path


def test_show_as_a_program(file):
    environment = {**os.environ, "PYTHONUTF8": "1", "COLUMNS": "80"}
    done = subprocess.run(
        [sys.executable, "-m", "service.cli.start", "show", str(file)],
        capture_output=True, encoding="utf-8", env=environment, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "JCAMP-DX, raman, laser 785 nm, 701 points, 400.0 to 1800.0 cm-1" in done.stdout
    assert "Strongest bands, cm-1: 1000 (100%), 1600" in done.stdout
    assert "\x1b" not in done.stdout
    assert max(map(len, done.stdout.split("\n"))) <= 120


def test_show_in_json(file, capsys):
    assert run(["show", str(file), str(file), "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 2
    assert lines[0]["technique"] == "raman"
    assert lines[0]["bands_cm1"][:2] == [1000.0, 1600.0]
    assert lines[0]["points"] == 701


def test_show_draws_a_picture_and_keeps_an_old_one(file, tmp_path, capsys):
    out = tmp_path / "out.png"
    assert run(["show", str(file), "--png", str(out)]) == 0
    assert out.read_bytes().startswith(b"\x89PNG")
    out.write_bytes(b"old")
    assert run(["show", str(file), "--png", str(out)]) == 4
    assert out.read_bytes() == b"old"
    assert "give --force" in capsys.readouterr().err
    assert run(["show", str(file), "--png", str(out), "--force"]) == 0
    assert out.read_bytes().startswith(b"\x89PNG")


def test_show_goes_on_behind_a_bad_file(file, tmp_path, capsys):
    bad, worse = tmp_path / "bad.jdx", tmp_path / "worse.csv"
    bad.write_bytes(b"##TITLE=x\n")
    worse.write_bytes(b"400,1\n401,2\n")
    assert run(["show", str(bad), str(file), str(worse)]) == 4
    output = capsys.readouterr()
    assert "Strongest bands" in output.out
    assert "opioscan: bad.jdx: the block that begins in line 1 has no ##END=" in output.err
    assert "warning: worse.csv: no column names: give --technique" in output.err
    assert run(["show", str(worse), "--technique", "ftir"]) == 0
    assert run(["show", str(tmp_path / "none.jdx")]) == 4


def test_show_refuses_pictures_that_mislead(file, tmp_path, capsys):
    infrared = tmp_path / "i.csv"
    infrared.write_bytes(encode_csv(Spectrum(axis=AXIS, intensity=CURVE, technique=Technique.FTIR)))
    assert run(["show", str(file), str(infrared), "--png", str(tmp_path / "o.png")]) == 2
    assert run(["show", *[str(file)] * 33, "--png", str(tmp_path / "o.png")]) == 2
    assert "at most 32" in capsys.readouterr().err
    assert not (tmp_path / "o.png").exists()


def test_a_saturated_spectrum_says_so(tmp_path, spectrum, capsys):
    path = tmp_path / "s.csv"
    path.write_bytes(
        encode_csv(Spectrum(axis=AXIS, intensity=CURVE, technique=Technique.RAMAN, saturated=True))
    )
    assert run(["show", str(path)]) == 0
    assert "SATURATED" in capsys.readouterr().out


def test_an_ascii_terminal_gets_ascii_dots(file):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "service.cli.start", "show", str(file)],
        capture_output=True, encoding="ascii", env=environment, check=False,
    )  # fmt: skip
    assert done.returncode == 0
    assert "***" in done.stdout


@pytest.mark.parametrize("ending", [".jdx", ".dx", ".csv", ".CSV", ".h5", ".hdf5"])
def test_convert_keeps_every_number(file, tmp_path, spectrum, ending, capsys):
    out = tmp_path / f"out{ending}"
    assert run(["convert", str(file), str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["points"] == 701
    (found,) = read_spectra(out)
    assert np.array_equal(found.spectrum.axis, spectrum.axis)
    assert np.array_equal(found.spectrum.intensity, spectrum.intensity)
    assert found.spectrum.laser_nm == 785.0
    assert found.title == "two  [31mbands"
    assert oct(out.stat().st_mode & 0o111) == "0o0"


def test_convert_replaces_only_by_force(file, tmp_path, capsys):
    out = tmp_path / "out.csv"
    out.write_bytes(b"precious")
    assert run(["convert", str(file), str(out)]) == 4
    assert out.read_bytes() == b"precious"
    assert "is there already: give --force" in capsys.readouterr().err
    assert run(["convert", str(file), str(out), "--force"]) == 0
    assert decode(out.read_bytes())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "sample.jdx"]


@pytest.mark.parametrize(
    ("out", "code", "words"),
    [
        ("out.txt", 2, "end the name in .jdx, .dx, .csv or .h5"),
        ("missing/out.csv", 4, "is no folder"),
        ("folder.csv", 4, "is a folder"),
    ],
)
def test_convert_refuses_in_words(file, tmp_path, out, code, words, capsys):
    (tmp_path / "folder.csv").mkdir()
    assert run(["convert", str(file), str(tmp_path / out)]) == code
    assert words in capsys.readouterr().err


@pytest.fixture
def several(tmp_path, spectrum):
    """A JCAMP-DX file of two spectra."""
    one, two = encode_jcamp(spectrum, "first"), encode_jcamp(spectrum, "second")
    link = tmp_path / "link.jdx"
    link.write_bytes(b"##TITLE=all\n##DATA TYPE=LINK\n" + one + two + b"##END=\n")
    return link


def test_convert_asks_which_of_several(several, tmp_path, capsys):
    out = tmp_path / "out.jdx"
    assert run(["convert", str(several), str(out)]) == 2
    assert "--number 1 to 2, or convert each with --all" in capsys.readouterr().err
    assert run(["convert", str(several), str(out), "--number", "3"]) == 2
    assert run(["convert", str(several), str(out), "--number", "2", "--all"]) == 2
    assert not out.exists()
    assert run(["convert", str(several), str(out), "--number", "2"]) == 0
    assert decode(out.read_bytes())[0].title == "second"


def test_convert_numbers_the_files_of_several(several, tmp_path, capsys):
    out, last = tmp_path / "out.csv", tmp_path / "out-2.csv"
    last.write_bytes(b"precious")
    assert run(["convert", str(several), str(out), "--all"]) == 4
    assert "out-2.csv is there already: give --force" in capsys.readouterr().err
    assert not (tmp_path / "out-1.csv").exists()
    assert run(["convert", str(several), str(out), "--all", "--force"]) == 0
    assert capsys.readouterr().out.count("701 points of") == 2
    titles = [decode((tmp_path / f"out-{place}.csv").read_bytes())[0].title for place in (1, 2)]
    assert titles == ["first", "second"]
    assert not out.exists()


def test_hdf5_holds_several_and_reads_back(several, tmp_path, spectrum, capsys):
    out, back = tmp_path / "all.h5", tmp_path / "back.jdx"
    assert run(["convert", str(several), str(out), "--all"]) == 0
    assert "all.h5: 2 spectra of link.jdx" in capsys.readouterr().out
    assert run(["show", str(out), "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["title"], line["number"], line["of"]) for line in lines] == [
        ("first", 1, 2),
        ("second", 2, 2),
    ]
    assert lines[0]["laser_nm"] == 785.0
    assert run(["convert", str(out), str(back), "--number", "2"]) == 0
    (found,) = decode(back.read_bytes())
    assert np.array_equal(found.spectrum.intensity, spectrum.intensity)
    assert np.array_equal(found.spectrum.axis, spectrum.axis)
    assert found.title == "second"
    assert run(["show", str(out), "--technique", "ftir"]) == 4
    assert "all.h5: the file says raman, but --technique ftir" in capsys.readouterr().err


def test_a_library_is_no_file_of_single_spectra(tmp_path, capsys):
    path = tmp_path / "lib.h5"
    assert run(["library", "init", str(path)]) == 0
    assert run(["show", str(path)]) == 4
    assert "lib.h5: an HDF5 file, but none of single spectra" in capsys.readouterr().err


def test_packed_jcamp_is_smaller_and_says_what_it_rounds(file, tmp_path, spectrum, capsys):
    out = tmp_path / "out.jdx"
    assert run(["convert", str(file), str(out), "--packed"]) == 0
    assert out.stat().st_size < file.stat().st_size / 1.5
    (found,) = decode(out.read_bytes())
    assert found.spectrum.intensity == pytest.approx(spectrum.intensity, abs=spectrum.intensity.max() / 2**24)
    assert "ordinates rounded to 1/16777216 of the largest" in found.spectrum.history
    assert run(["convert", str(file), str(tmp_path / "o.csv"), "--packed"]) == 2
    assert "--packed is for JCAMP-DX" in capsys.readouterr().err


def test_show_numbers_the_spectra_of_one_file(several, capsys):
    assert run(["show", str(several)]) == 0
    output = capsys.readouterr().out
    assert "link.jdx, spectrum 1 of 2:" in output
    assert "link.jdx, spectrum 2 of 2:" in output
    assert output.index("first") < output.index("spectrum 2 of 2") < output.index("second")


def test_too_large_a_file_is_not_read_to_its_end(tmp_path, capsys):
    path = tmp_path / "large.csv"
    with path.open("wb") as file:
        file.truncate(1 << 34)
    assert run(["show", str(path)]) == 4
    assert "larger than 32 MiB" in capsys.readouterr().err


def test_a_line_without_bands():
    flat = Spectrum(axis=[400.0, 500.0, 600.0], intensity=[1.0, 1.0, 1.0], technique=Technique.RAMAN)
    assert strongest_bands(flat) == []
