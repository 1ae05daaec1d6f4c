"""``opioscan identify --plot``: one picture each, by name, pattern, folder, or in the terminal."""

import json
from typing import NamedTuple

import numpy as np
import pytest

from library.method_store import write_method
from library.methods import fit_method
from library.starter import starter_entries
from library.store import read_library, write_library
from service.cli.start import run
from service.settings import Settings
from spectra.formats import encode_jcamp
from spectra.method import WatchItem
from spectra.values import Spectrum, Technique

#: Few null scans: what is drawn matters here, not how sure it is.
DRAWS, RATE = 60, 0.05


class Ran(NamedTuple):
    """How a run ended, and what it said."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    path = tmp_path_factory.mktemp("library") / "small.h5"
    chosen = [entry for entry in starter_entries() if entry.technique is Technique.RAMAN]
    picked = {entry.reference_id: entry for entry in chosen[:5]}
    picked |= {entry.reference_id: entry for entry in chosen if entry.substance.name == "Metamizole"}
    write_library(path, picked.values(), name="small")
    library = read_library(path)
    method = fit_method(
        library, name="small", watch_list=[WatchItem("Metamizole")], draws=DRAWS, false_alarm_rate=RATE
    )
    return method, library


@pytest.fixture
def bench(fitted, opioscan_home, tmp_path, capsys):
    """Return the command with a stored method, and a folder with two scans."""
    method, library = fitted
    write_method(Settings(opioscan_home).methods_dir, method, library, {})
    for number, entry in enumerate(library.entries[:2], 1):
        axis, clean = entry.spectrum.axis, entry.spectrum.intensity
        noise = np.random.default_rng(number).normal(scale=0.01 * float(np.ptp(clean)), size=axis.size)
        scan = Spectrum(axis=axis, intensity=clean + noise, technique=Technique.RAMAN, laser_nm=785.0)
        (tmp_path / f"scan{number}.jdx").write_bytes(encode_jcamp(scan, f"scan {number}"))

    def identified(*arguments):
        files = [tmp_path / one if str(one).endswith(".jdx") else one for one in arguments]
        code = run(["identify", *map(str, files), "--method", "small"])
        printed = capsys.readouterr()
        return Ran(code, printed.out, printed.err)

    return identified


def test_pictures_go_where_they_are_asked_for(bench, tmp_path):
    assert bench("scan1.jdx", "--plot", tmp_path / "one.png").code == 0
    assert (tmp_path / "one.png").read_bytes().startswith(b"\x89PNG")
    again = bench("scan1.jdx", "--plot", tmp_path / "one.png")
    assert again.code == 4
    assert "--force" in again.err
    assert bench("scan1.jdx", "scan2.jdx", "--plot", tmp_path / "all-{n}.svg", "--json").code == 0
    assert all(b"<svg" in (tmp_path / f"all-{n}.svg").read_bytes() for n in (1, 2))
    folder = tmp_path / "pictures"
    folder.mkdir()
    assert bench("scan1.jdx", "scan2.jdx", "scan1.jdx", "--plot", folder).code == 0
    assert sorted(path.name for path in folder.iterdir()) == ["scan1-3.png", "scan1.png", "scan2.png"]


def test_the_terminal_shows_the_answer_and_its_picture(bench):
    done = bench("scan1.jdx", "scan2.jdx", "--plot", "-")
    assert (done.code, done.err) == (0, "")
    assert done.out.count("Above: scan solid") == 2
    assert "method small, version 1" in done.out
    assert any(0x2800 < ord(char) <= 0x28FF for char in done.out)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("scan1.jdx", "scan2.jdx", "--plot", "out.png"), "give --plot out-{n}.png for a running number"),
        (("scan1.jdx", "--plot", "out.pdf"), "pictures are drawn as .png or .svg"),
        (("scan1.jdx", "--plot", "nowhere"), "for a folder of them make it first: mkdir nowhere"),
        (("scan1.jdx", "--plot", "-", "--json"), "both write to standard output"),
    ],
)
def test_what_cannot_be_drawn_is_said_before_anything_is_identified(bench, arguments, words):
    done = bench(*arguments)
    assert (done.code, done.out) == (2, "")
    assert words in done.err
    assert len(done.err.splitlines()) == 1


def test_several_spectra_of_one_file_need_a_picture_each(bench, tmp_path):
    one = (tmp_path / "scan1.jdx").read_text()
    path = tmp_path / "two.dx"
    path.write_text(f"##TITLE=two\n##JCAMP-DX=4.24\n##DATA TYPE=LINK\n##BLOCKS=2\n{one}{one}##END=\n")
    done = bench(path, "--plot", tmp_path / "out.png")
    assert done.code == 2
    assert "2 spectra in two.dx need a picture each" in done.err
    assert bench(path, "--plot", tmp_path, "--json").code == 0
    assert (tmp_path / "two-1.png").is_file()
    assert (tmp_path / "two-2.png").is_file()
    sources = [json.loads(line)["source"] for line in bench(path, "--json").out.splitlines()]
    assert [source.rpartition("#")[2] for source in sources] == ["1", "2"]
