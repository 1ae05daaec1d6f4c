"""Known bands, coverage and the map of confusability."""

from dataclasses import replace

import numpy as np
import pytest

from library.confusability import confusability
from library.coverage import coverage
from library.documenting import Papers, with_papers
from library.errors import LibraryFormatError
from library.known_bands import known_bands
from library.starter import starter_entries
from service.plots.confusability import confusability_picture
from spectra import steps
from spectra.query import weigh
from spectra.recipe import default_recipe
from spectra.references import Grade, Substance
from spectra.refset import build_reference_set
from spectra.search import SHIFTS, fit_terms, screen, widths_index
from spectra.values import Technique

STARTERS = starter_entries()
RAMAN = [entry for entry in STARTERS if entry.technique is Technique.RAMAN]


def found(names, **scans):
    return confusability(
        [entry for entry in RAMAN if entry.substance.name in names], Technique.RAMAN, **scans
    )


def grouped(one):
    return {frozenset(one.entries[place].substance.name for place in group) for group in one.groups}


def test_known_bands_are_found_by_any_name():
    (bands,) = known_bands(Substance("paracetamol"), Technique.RAMAN)
    assert {round(float(place)) for place in bands.centre} >= {1169, 1325}
    assert (np.diff(bands.centre) > 0).all()
    assert len(known_bands(Substance("isopropanol"), Technique.RAMAN)) == 2
    assert known_bands(Substance("unheard of"), Technique.RAMAN) == ()
    assert known_bands(Substance("fentanyl"), Technique.FTIR)[0].source == "bands.csv"


def test_the_starter_covers_no_controlled_substance_in_raman():
    raman, ftir = coverage(STARTERS)
    assert (raman.entries, ftir.entries) == (80, 8)
    assert not raman.usable
    assert "fentanyl" in raman.missing
    assert not ftir.usable
    assert {"fentanyl", "carfentanil", "heroin"} <= set(ftir.hints)
    assert raman.classes["solvent"][0] > 20
    assert raman.to_json()["controlled"]["usable"] == []


def test_measured_and_documented_references_count_where_they_cover_the_range():
    fentanyl = next(entry for entry in STARTERS if entry.substance.name == "fentanyl")
    papers = Papers(authenticated_by="Grace", authenticated_at="2026-11-20T09:00:00Z", basis="CoA")
    bare = replace(fentanyl, grade=Grade.MEASURED)
    assert coverage([bare])[1].hints == ("fentanyl",)
    measured = with_papers(bare, papers)
    assert coverage([measured])[1].usable == ("fentanyl",)
    axis = measured.spectrum.axis
    short = replace(measured.spectrum, axis=axis[:150], intensity=measured.spectrum.intensity[:150])
    assert coverage([replace(measured, spectrum=short)])[1].usable == ()
    named = replace(
        measured, substance=replace(measured.substance, name="new thing", synonyms=(), cas="", inchikey="")
    )
    assert coverage([named])[1].others == ("new thing",)


def test_the_map_of_the_starter_is_sensible():
    one = confusability(RAMAN, Technique.RAMAN)
    assert grouped(one) == {
        frozenset({"2-Propanol", "isopropanol"}),
        frozenset({"2-Butanone", "Methyl Ethyl Ketone"}),
        frozenset({"Citric Acid", "Citric Acid Anhydrate"}),
    }
    near = [{one.entries[i].substance.name, one.entries[j].substance.name} for i, j, _ in one.pairs()]
    assert {"Benzyl Alcohol", "polystyrene"} in near[:10]
    assert {"linseed oil", "sesame oil"} in near[:10]
    assert {"Coconate Ester", "coconut oil"} in near[:10]
    np.testing.assert_array_equal(one.distance, one.distance.T)
    assert not one.distance.diagonal().any()


def test_the_map_is_drawn():
    few = found({"Benzyl Alcohol", "polystyrene", "toluene"})
    assert confusability_picture(few, "png").startswith(b"\x89PNG")
    assert b"<svg" in confusability_picture(few, "svg")


def test_worse_scans_confuse_more():
    names = {"Benzyl Alcohol", "polystyrene", "toluene", "lactose", "sucrose", "KH2PO4", "Tetrahydrofuran"}
    counts = [
        np.mean(found(names, snr=snr, resolution_cm1=width).distance)
        for snr, width in ((200.0, 7.0), (50.0, 10.0), (10.0, 16.0), (4.0, 20.0))
    ]
    assert counts == sorted(counts, reverse=True)
    assert len(found(names, snr=0.3).unseen) > 0


def test_the_map_says_what_noisy_scans_do():
    """Scans with drawn noise must agree with the expected statistic that the map is made of."""
    pair = [entry for entry in RAMAN if entry.substance.name in {"KH2PO4", "Tetrahydrofuran"}]
    recipe = default_recipe(Technique.RAMAN)
    references = build_reference_set(pair, recipe)
    rng = np.random.default_rng(3)
    rival = []
    for snr in (200.0, 6.0):
        values = steps.broaden(references.row(0), fwhm=float(np.sqrt(51.0)), spacing=recipe.spacing)
        height = np.ptp(np.cumsum(values)) * recipe.spacing
        count = 0
        for _ in range(20):
            noise = steps.derivative(
                rng.normal(0, height / snr, values.size), window=9, degree=2, spacing=2.0
            )
            variance = np.full(values.size, np.var(noise))
            query = weigh(values + noise, variance, values != 0, spacing=recipe.spacing)
            scores = screen(
                query, references, fit_terms(query, references, []), shifts=SHIFTS, widths=widths_index()
            )
            own, other = scores.max(axis=(0, 1))
            count += other > min(own - 25.0, 0.85 * own)
        rival.append(count)
    names = {entry.substance.name for entry in pair}
    assert rival[0] == 0
    assert found(names, snr=200.0).distance.max() > 1
    assert rival[1] >= 10
    assert found(names, snr=6.0).distance.max() < 1


def test_a_map_needs_two_and_has_a_bound(monkeypatch):
    assert confusability(RAMAN[:1], Technique.RAMAN) is None
    monkeypatch.setattr("library.confusability.MOST", 3)
    with pytest.raises(LibraryFormatError, match="at most 3"):
        confusability(RAMAN[:4], Technique.RAMAN)
    monkeypatch.setattr("library.confusability.MOST", 100)
    monkeypatch.setattr("library.confusability.BLOCK", 7)
    whole = confusability(RAMAN[:20], Technique.RAMAN)
    monkeypatch.setattr("library.confusability.BLOCK", 500)
    np.testing.assert_allclose(whole.distance, confusability(RAMAN[:20], Technique.RAMAN).distance)
