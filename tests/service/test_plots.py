"""Pictures: valid PNG, the same bytes every time, whatever names a file holds."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from service.plots import identification_png, spectrum_png, terminal_plot
from spectra.values import Spectrum, Technique

AXIS = np.linspace(400.0, 1800.0, 700)
PEAK = np.exp(-(((AXIS - 1000.0) / 20.0) ** 2))
MAGIC = b"\x89PNG\r\n\x1a\n"


def spectrum(technique=Technique.RAMAN):
    return Spectrum(axis=AXIS, intensity=PEAK, technique=technique)


def test_spectra_over_each_other(tmp_path):
    path = tmp_path / "out.png"
    data = spectrum_png([spectrum(), spectrum()], ["a", "b"], path, title="two")
    assert data.startswith(MAGIC)
    assert path.read_bytes() == data
    assert data == spectrum_png([spectrum(), spectrum()], ["a", "b"], title="two")


@pytest.mark.parametrize(
    "name", ["$x^{", "_hidden", "日本語", "\x1b[31m", "a" * 5000, "", "$\\frac{1}{0}$", "%s{}"]
)
def test_names_from_files_are_only_text(name):
    assert spectrum_png([spectrum(Technique.FTIR)], [name], title=name).startswith(MAGIC)


def test_what_cannot_share_a_picture_is_refused():
    with pytest.raises(ValueError, match="do not share"):
        spectrum_png([spectrum(), spectrum(Technique.FTIR)], ["a", "b"])
    with pytest.raises(ValueError, match="label for each"):
        spectrum_png([spectrum()], [])
    with pytest.raises(ValueError, match="1 to 32"):
        spectrum_png([], [])


def test_identification_in_one_to_three_panels():
    heights = []
    for more in (
        {},
        {"axis": AXIS, "measured": PEAK, "fit": PEAK, "components": {"Ibuprofen": PEAK}},
        {"axis": AXIS, "measured": PEAK, "components": {}, "residual": PEAK - PEAK},
    ):
        data = identification_png(spectrum(), blank=spectrum(), title="t", **more)
        assert data.startswith(MAGIC)
        heights.append(int.from_bytes(data[20:24], "big"))
    assert heights[0] < heights[1] < heights[2]
    with pytest.raises(ValueError, match="length of the axis"):
        identification_png(spectrum(), axis=AXIS, fit=PEAK[:5])


def test_pictures_may_be_drawn_in_threads():
    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(lambda _: spectrum_png([spectrum()], ["a"]), range(4)))
    assert len(found) == 1


def test_matplotlib_is_imported_only_to_draw():
    code = "import service.plots, sys; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    code = (
        "import sys, numpy as np, service.plots as p; from spectra.values import *; a = np.arange(1., 9);"
        "p.spectrum_png([Spectrum(axis=a, intensity=a, technique=Technique.RAMAN)], ['a']);"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("braille", [True, False])
@pytest.mark.parametrize(("width", "height"), [(78, 16), (24, 4), (120, 30), (1, 1)])
def test_terminal_plot_has_the_size_asked_for(width, height, braille):
    lines = terminal_plot(AXIS, PEAK, width, height, braille=braille).split("\n")
    assert len(lines) == max(height, 4)
    assert max(map(len, lines)) <= max(width, 24)
    assert lines[-1].split()[0] == "400"
    assert lines[-1].split()[-1] == "1800"
    assert lines[0].split()[0].startswith(f"{PEAK.max():.4g}")
    assert "\n".join(lines).isascii() is not braille


def test_terminal_plot_shows_the_peak_where_it_is():
    top = terminal_plot(AXIS, PEAK, 80, 16).split("\n")[0]
    left = top.index("│") + 1
    drawn = [place - left for place, char in enumerate(top) if ord(char) > 0x2800]
    columns = 80 - left
    assert np.mean(drawn) / columns == pytest.approx(600 / 1400, abs=0.03)


def test_terminal_plot_of_a_flat_line_and_of_two_points():
    assert terminal_plot(AXIS, np.zeros_like(AXIS))
    assert terminal_plot(np.array([1.0, 2.0]), np.array([5.0, -5.0]))


def test_every_column_of_a_curve_is_drawn():
    rng = np.random.default_rng(1)
    lines = terminal_plot(AXIS, rng.normal(size=AXIS.size), 60, 12, braille=False).split("\n")
    left = lines[0].index("|") + 1
    for column in range(left, 60):
        assert any(column < len(line) and line[column] == "*" for line in lines[:-2])
