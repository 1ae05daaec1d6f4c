"""Pictures: valid PNG and SVG, the same bytes every time, whatever names a file holds."""

import hashlib
import re
import struct
import subprocess
import sys
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from service.plots import (
    identification_picture,
    kind_of,
    scene_of,
    spectrum_picture,
    terminal_answer,
    terminal_plot,
)
from service.plots.bands import spread
from service.plots.scene import slow_drift
from service.plots.style import drawable, look_of
from spectra.answer import Component, Curves, Identification, Quality
from spectra.reasons import REASONS, Verdict
from spectra.recipe import default_recipe
from spectra.values import Spectrum, Technique

AXIS = np.linspace(400.0, 1800.0, 701)
MAGIC = b"\x89PNG\r\n\x1a\n"


def peak(centre, height=1.0):
    return height * np.exp(-(((AXIS - centre) / 20.0) ** 2))


def spectrum(technique=Technique.RAMAN):
    return Spectrum(axis=AXIS, intensity=peak(1000.0), technique=technique)


def component(name, *bands, role="content", **changes):
    values = {
        "substance": name,
        "reference_id": "r",
        "role": role,
        "controlled": False,
        "substance_class": "",
        "evidence": "measured",
        "spectral_share": 0.5,
        "statistic": 100.0,
        "p_value": 0.01,
        "hqi": 0.9,
        "shift_cm1": 0.0,
        "bands_cm1": bands,
        "alternatives": (),
        "watch_list": role == "content",
        **changes,
    }
    return Component(**values)


def answer(*parts, verdict=Verdict.ALARM_NAMED, technique=Technique.RAMAN, **changes):
    """Return an answer whose curves are one band for each part, at 600, 700, ... cm⁻¹."""
    values = [peak(600.0 + 100.0 * place) for place in range(len(parts))]
    fit = np.sum(values, axis=0) if parts else np.zeros_like(AXIS)
    rest = peak(1500.0, 0.2)
    names = [one if isinstance(one, str) else one.substance for one in parts]
    curves = Curves(
        tuple(AXIS),
        tuple(fit + rest),
        tuple(fit),
        tuple((name, tuple(one)) for name, one in zip(names, values, strict=True)),
    )
    given = {
        "source": "/somewhere/sample.jdx",
        "scan_id": "",
        "technique": technique,
        "laser_nm": 785.0 if technique is Technique.RAMAN else None,
        "training": False,
        "verdict": verdict,
        "reasons": (),
        "components": tuple(one for one in parts if not isinstance(one, str)),
        "ranking": (),
        "classes": (),
        "not_excluded": (),
        "quality": Quality(50.0, False, 1.0, (400.0, 1800.0), 0.9),
        "provenance": {"method": {"name": "ours", "version": 3, "digest": "d"}},
        "created_at": "2026-11-22T05:00:00Z",
        "curves": curves,
    }
    return Identification(**{**given, **changes})


def texts(svg):
    """Return what an SVG says, in its title and in the comments beside its outlined letters."""
    parser = ET.XMLParser(target=ET.TreeBuilder(insert_comments=True))  # noqa: S314
    root = ET.fromstring(svg, parser)  # noqa: S314
    return [each.text.strip() for each in root.iter() if callable(each.tag) and each.text]


def size(png):
    return struct.unpack(">II", png[16:24])


def test_spectra_over_each_other():
    data = spectrum_picture([spectrum(), spectrum()], ["a", "b"], title="two")
    assert data.startswith(MAGIC)
    assert data == spectrum_picture([spectrum(), spectrum()], ["a", "b"], title="two")
    assert "two" in texts(spectrum_picture([spectrum()], ["a"], title="two", kind="svg"))


@pytest.mark.parametrize(
    "name",
    ["$x^{", "_hidden", "日本語", "\x1b[31m", "a" * 5000, "", "$\\frac{1}{0}$", "%s{}", "-->", "α-PVP <b>"],
)
def test_names_from_files_are_only_text(name):
    assert spectrum_picture([spectrum(Technique.FTIR)], [name], title=name).startswith(MAGIC)
    found = answer(component(name, 600), source=f"/x/{name}\x00.jdx", reasons=("weak_signal",))
    scene = scene_of(found, spectrum())
    assert identification_picture(scene).startswith(MAGIC)
    assert texts(identification_picture(scene, kind="svg"))


def test_what_cannot_share_a_picture_is_refused():
    with pytest.raises(ValueError, match="do not share"):
        spectrum_picture([spectrum(), spectrum(Technique.FTIR)], ["a", "b"])
    with pytest.raises(ValueError, match="label for each"):
        spectrum_picture([spectrum()], [])
    with pytest.raises(ValueError, match="1 to 32"):
        spectrum_picture([], [])


def test_kinds_of_pictures_by_their_names():
    assert (kind_of(Path("a.PNG")), kind_of(Path("b.svg"))) == ("png", "svg")
    with pytest.raises(ValueError, match=r"drawn as \.png or \.svg"):
        kind_of(Path("c.pdf"))


def test_every_letter_that_is_kept_can_be_drawn():
    from matplotlib import font_manager

    font = font_manager.get_font(font_manager.findfont("DejaVu Sans"))
    kept = {char for char in map(chr, range(0x20, 0x600)) if drawable(char) == char}
    assert {ord(char) for char in kept | set("⁻¹−–—…×·≥≤→▲○■σ±•")} <= set(font.get_charmap())


def test_an_answer_says_all_that_matters():
    found = answer(
        component("Fentanyl", 600, 612, 700),
        component("Polyethylene", 1100, role="container"),
        "blank",
        reasons=("unexplained_residual",),
        training=True,
    )
    scene = scene_of(found, spectrum(), blank=spectrum(), recipe=default_recipe(Technique.RAMAN))
    said = texts(identification_picture(scene, kind="svg"))
    for words in (
        "▲ ALARM: Fentanyl",
        "TRAINING: NOT A REAL RESULT",
        "scan as measured",
        "fit (all components together)",
        "1  Fentanyl (watch list, 50% of the area)",
        "2  Polyethylene (container, 50% of the area)",
        "3  empty container (blank)",
        "± 2 σ of the noise",
        "612",
        "bands  1",
        "2",
    ):
        assert words in said, words
    line = next(each for each in said if each.startswith("Presumptive"))
    assert "sample.jdx · Raman at 785 nm · method ours, version 3" in line
    assert any(REASONS["unexplained_residual"].next_step in each for each in said)
    assert any("Hold the parcel" in each for each in said)


def test_pictures_carry_no_date_and_are_the_same_each_time():
    scene = scene_of(answer(component("A", 600), "blank"), spectrum(), blank=spectrum())
    svg = identification_picture(scene, kind="svg")
    with ThreadPoolExecutor(3) as pool:
        drawn = list(pool.map(lambda kind: identification_picture(scene, kind=kind), ["svg", "png"] * 2))
    assert drawn[0] == drawn[2] == svg
    assert drawn[1] == drawn[3]
    assert b"dc:date" not in svg
    assert b"Matplotlib v" not in svg + drawn[1]
    code = "\n".join(
        [
            f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})",
            "from test_plots import *",
            "scene = scene_of(answer(component('A', 600), 'blank'), spectrum(), blank=spectrum())",
            "print(hashlib.sha256(identification_picture(scene, kind='svg')).hexdigest())",
        ]
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == hashlib.sha256(svg).hexdigest(), "another process draws the same"


def test_panels_come_with_what_there_is_to_show():
    bare = replace(answer(verdict=Verdict.INCONCLUSIVE), curves=None)
    heights = [
        size(identification_picture(scene_of(found, spectrum())))[1]
        for found in (bare, answer(verdict=Verdict.INCONCLUSIVE), answer(component("A", 600)))
    ]
    assert heights == sorted(set(heights))
    no_parts = scene_of(answer(verdict=Verdict.INCONCLUSIVE), spectrum())
    said = texts(identification_picture(no_parts, kind="svg"))
    assert "fit (all components together)" not in said
    assert "residual: the whole scan, nothing fits it" in said
    assert no_parts.curves is not None
    np.testing.assert_allclose(np.ptp(no_parts.curves.residual), np.ptp(no_parts.curves.measured))
    assert np.median(no_parts.curves.residual) == pytest.approx(0.0, abs=1e-12)


def test_infrared_is_drawn_from_high_to_low():
    found = answer(component("A", 600), technique=Technique.FTIR)
    svg = identification_picture(scene_of(found, spectrum(Technique.FTIR)), kind="svg")
    assert "wavenumber / cm⁻¹" in texts(svg)
    placed = re.findall(rb'<!-- (\d{3,4}) -->\s*<g[^>]*transform="translate\(([\d.]+)', svg)
    numbers, places = np.array([[float(number), float(x)] for number, x in placed]).T
    inside = places > 90.0  # what stands further left belongs to the vertical axes
    assert np.corrcoef(numbers[inside], places[inside])[0, 1] < -0.99, "it falls to the right"


def test_a_withheld_name_is_nowhere_in_the_picture():
    hidden = component("(name withheld)", 600, reference_id="")
    found = answer(hidden, verdict=Verdict.ALARM_CLASS, reasons=("verification_failed", "name_withheld"))
    assert found.curves is not None
    found = replace(found, curves=replace(found.curves, parts=(("Carfentanil", found.curves.parts[0][1]),)))
    svg = identification_picture(scene_of(found, spectrum()), kind="svg")
    assert b"arfentanil" not in svg
    assert "1  reference not named" in texts(svg)
    hint = answer("Fentanyl", verdict=Verdict.ALARM_CLASS, reasons=("hint_only",))
    hint = replace(hint, classes=({"class": "fentanyl_analogue", "detected": True},))
    said = texts(identification_picture(scene_of(hint, spectrum()), kind="svg"))
    assert "▲ ALARM: CLASS OF SUBSTANCE: fentanyl analogue" in said
    assert "1  reference not named" in said
    doubtful = answer("Ibuprofen", verdict=Verdict.INCONCLUSIVE, reasons=("mixture_unresolved",))
    assert scene_of(doubtful, spectrum()).parts[0].label == "Ibuprofen? (fits in part, not named)"


def test_components_differ_by_colour_and_by_line():
    looks = [look_of(container=kind, place=place) for kind in (False, True) for place in range(5 - 3 * kind)]
    assert len({one.colour for one in looks}) == len({(one.dashes, one.hatch) for one in looks}) == len(looks)
    assert [bool(one.hatch) for one in looks] == [False] * 5 + [True] * 2


def test_the_fit_is_laid_on_the_scan_and_bands_do_not_pull_it():
    found = answer(component("A", 600))
    assert found.curves is not None
    drifting = np.array(found.curves.parts[0][1]) + 0.3 * ((AXIS - 1100.0) / 700.0) ** 2
    parts = (("A", tuple(drifting)),)
    scene = scene_of(replace(found, curves=replace(found.curves, parts=parts)), spectrum())
    assert scene.curves is not None
    away = np.abs(AXIS - 1500.0) > 80.0
    assert np.max(np.abs(scene.curves.residual[away])) < 0.01
    assert scene.curves.residual[np.argmin(np.abs(AXIS - 1500.0))] == pytest.approx(0.2, abs=0.01)
    np.testing.assert_array_equal(slow_drift(np.zeros(50)), np.zeros(50))


def test_what_was_not_measured_is_not_drawn():
    part_axis = np.linspace(500.0, 1500.0, 400)
    query = Spectrum(axis=part_axis, intensity=np.ones(400), technique=Technique.RAMAN)
    scene = scene_of(answer(component("A", 600)), query, recipe=default_recipe(Technique.RAMAN))
    assert scene.curves is not None
    assert scene.curves.axis[[0, -1]].tolist() == [500.0, 1500.0]
    assert len(scene.parts[0].values) == scene.curves.axis.size
    assert scene.curves.sigma is not None
    far = Spectrum(axis=np.linspace(2000.0, 3000.0, 400), intensity=np.ones(400), technique=Technique.RAMAN)
    scene = scene_of(answer(component("A", 600)), far, recipe=default_recipe(Technique.RAMAN))
    assert scene.curves is not None
    assert scene.curves.sigma is None


def test_two_references_of_one_substance_keep_their_own_bands():
    scene = scene_of(answer(component("A", 600), component("A", 700)), spectrum())
    assert [part.bands for part in scene.parts] == [(600,), (700,)]


@pytest.mark.parametrize(
    "wanted", [[], [5.0], [1.0, 2.0, 3.0], [0.0] * 5, [10.0] * 4, [3.0, 50.0, 51.0, 52.0, 99.0]]
)
def test_labels_never_stand_on_each_other(wanted):
    placed = spread(wanted, 8.0, 0.0, 100.0)
    assert len(placed) == len(wanted)
    assert all(0.0 <= one <= 100.0 for one in placed)
    assert all(b - a >= 8.0 - 1e-9 for a, b in zip(placed, placed[1:], strict=False))
    if len(wanted) == 3:
        assert placed == [0.0, 8.0, 16.0]
    assert spread([1.0] * 30, 8.0, 0.0, 100.0)[-1] <= 100.0 + 1e-9


def test_matplotlib_is_imported_only_to_draw():
    code = "import service.plots, sys; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    code = (
        "import sys, numpy as np, service.plots as p; from spectra.values import *; a = np.arange(1., 9);"
        "p.spectrum_picture([Spectrum(axis=a, intensity=a, technique=Technique.RAMAN)], ['a']);"
        "sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("braille", [True, False])
@pytest.mark.parametrize(("width", "height"), [(78, 16), (24, 4), (120, 30), (1, 1)])
def test_terminal_plot_has_the_size_asked_for(width, height, braille):
    lines = terminal_plot(AXIS, peak(1000.0), width, height, braille=braille).split("\n")
    assert len(lines) == max(height, 4)
    assert max(map(len, lines)) <= max(width, 24)
    assert lines[-1].split()[0] == "400"
    assert lines[-1].split()[-1] == "1800"
    assert lines[0].split()[0].startswith("1")
    assert "\n".join(lines).isascii() is not braille


def drawn_at(line, bar="│"):
    """Return where a line of a plot has dots, 0 to 1 of its width."""
    left = line.index(bar) + 1
    return [(place - left) / (78 - left) for place, char in enumerate(line) if ord(char) > 0x2800]


@pytest.mark.parametrize(("descending", "place"), [(False, 600 / 1400), (True, 800 / 1400)])
def test_terminal_plot_shows_the_peak_where_it_is(descending, place):
    lines = terminal_plot(AXIS, peak(1000.0), 78, 16, descending=descending).split("\n")
    assert np.mean(drawn_at(lines[0])) == pytest.approx(place, abs=0.03)
    assert lines[-1].split()[0] == ("1800" if descending else "400")


def test_terminal_plot_of_a_flat_line_and_of_two_points():
    assert terminal_plot(AXIS, np.zeros_like(AXIS))
    assert terminal_plot(np.array([1.0, 2.0]), np.array([5.0, -5.0]))


def test_every_column_of_a_curve_is_drawn():
    rng = np.random.default_rng(1)
    lines = terminal_plot(AXIS, rng.normal(size=AXIS.size), 60, 12, braille=False).split("\n")
    left = lines[0].index("|") + 1
    for column in range(left, 60):
        assert any(column < len(line) and line[column] == "*" for line in lines[:-2])


@pytest.mark.parametrize("technique", list(Technique))
@pytest.mark.parametrize("braille", [True, False])
def test_an_answer_in_the_terminal(technique, braille):
    found = answer(
        component("Fentanyl", 600), component("Caffeine", 700), "blank", technique=technique, training=True
    )
    scene = scene_of(found, spectrum(technique), blank=spectrum(technique))
    text = terminal_answer(scene, 78, 26, braille=braille)
    lines = text.split("\n")
    assert lines[0].startswith("TRAINING: NOT A REAL RESULT")
    assert "ALARM: Fentanyl" in lines[0]
    assert "1 Fentanyl (watch list, 50% of the area): bands at 600 cm-1" in lines
    assert "3 empty container (blank)" in lines
    assert any(line.startswith("Because: A watch-list substance matches.") for line in lines)
    assert text.isascii() is not braille
    frame = [line for line in lines if ("│" if braille else "|") in line]
    assert max(map(len, frame)) <= 78
    marks = [line for line in lines if line.strip() in {"1", "2"}]
    assert [line.strip() for line in marks] == ["1", "2"]
    first, second = (line.index(line.strip()) for line in marks)
    assert (first < second) is (technique is Technique.RAMAN), "infrared runs from high to low"


def test_an_answer_in_the_terminal_without_components_or_curves():
    nothing = answer(verdict=Verdict.INCONCLUSIVE, reasons=("weak_signal",))
    text = terminal_answer(scene_of(nothing, spectrum()), 1, 1)
    assert "Above: scan solid; below" in text
    assert REASONS["weak_signal"].next_step in text
    text = terminal_answer(scene_of(replace(nothing, curves=None), spectrum()), braille=False)
    assert "nothing was compared" in text
    assert text.isascii()


def test_the_fit_is_a_line_of_its_own_where_it_leaves_the_scan():
    found = answer(component("A", 600))
    assert found.curves is not None
    wrong = (("A", tuple(peak(900.0))),)
    scene = scene_of(replace(found, curves=replace(found.curves, parts=wrong)), spectrum())
    top = terminal_answer(scene, 78, 26, braille=False).split("\n")[3]
    assert "*" in top
    assert "." in top
