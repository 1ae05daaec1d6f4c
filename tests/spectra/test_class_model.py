"""Class models on simulated spectra with a planted class: three bands every member shares."""

import dataclasses
import json
import time

import numpy as np
import pytest

from spectra.class_bands import UNASSIGNED, assignment
from spectra.class_draws import Training, held_out
from spectra.class_evidence import class_evidence, counts_as_known
from spectra.class_fit import boundary, choose, fit_class_model, group_of, left_out
from spectra.class_scores import UNLIKE, Machine, gram, responses, solve, targets
from spectra.class_value import ClassModel
from spectra.class_views import VIEWS, bands, known_basis, seen, typical, unit, without
from spectra.errors import MethodError, SpectrumMismatch, ValueRangeError
from spectra.recipe import default_recipe, prepare
from spectra.references import Grade, ReferenceEntry, Substance
from spectra.values import Spectrum, Technique

RECIPE = default_recipe(Technique.FTIR)
AXIS = np.arange(660.0, 1821.0, 2.0)
SHARED = (700.0, 1492.0, 1650.0)
DRAWS = (120, 60)


def curve(positions, heights, width=9.0):
    shape = np.exp(-0.5 * ((AXIS[:, None] - np.array(positions)) / width) ** 2)
    return shape @ np.array(heights)


def entry(name, substance_class, intensity, inchikey="", packaging=False, axis=AXIS):
    spectrum = Spectrum(axis, intensity, Technique.FTIR)
    substance = Substance(name, substance_class=substance_class, inchikey=inchikey)
    return ReferenceEntry(name, substance, spectrum, Grade.MEASURED, packaging=packaging)


def made(count, substance_class, rng, shared=()):
    entries = []
    for k in range(count):
        at = [*(p + rng.uniform(-4, 4) for p in shared), *rng.uniform(720, 1780, size=6)]
        heights = [*rng.uniform(0.6, 1.0, size=len(shared)), *rng.uniform(0.2, 0.8, size=6)]
        entries.append(entry(f"{substance_class} {k}", substance_class, curve(at, heights)))
    return entries


@pytest.fixture(scope="module")
def members():
    return made(11, "fentanyl_analogue", np.random.default_rng(1), SHARED)


@pytest.fixture(scope="module")
def negatives():
    return made(24, "other", np.random.default_rng(2))


@pytest.fixture(scope="module")
def model(members, negatives):
    return fit_class_model("fentanyl_analogue", members[:10], negatives[:22], recipe=RECIPE, draws=DRAWS)


def laid(intensity):
    features = prepare(Spectrum(AXIS, intensity, Technique.FTIR), RECIPE)
    return features.values, np.full(features.values.size, 1e-12)


NOTHING = np.zeros((0, RECIPE.grid().size))


def test_an_unseen_member_is_detected_and_an_unseen_negative_is_not(model, members, negatives):
    found = class_evidence(*laid(members[10].spectrum.intensity), NOTHING, model)
    assert found.detected(0.01)
    assert found.p_value == pytest.approx(1 / 121)
    assert found.null_count == 120
    clear = class_evidence(*laid(negatives[22].spectrum.intensity), NOTHING, model)
    assert not clear.detected(0.01)
    assert clear.basis.startswith("unlike the 10 members")


def test_basis_names_the_planted_bands(model, members):
    found = class_evidence(*laid(members[10].spectrum.intensity), NOTHING, model)
    for position in SHARED:
        assert min(abs(position - band) for band in found.bands_cm1) <= 10
    assert "amide C=O 16" in found.basis
    assert "mono-substituted phenyl" in found.basis
    assert list(found.bands_cm1) == sorted(found.bands_cm1)


def test_what_is_known_is_taken_out_of_a_mixture(model, members, negatives):
    cut = curve([905.0, 1010.0, 1095.0, 1130.0, 1420.0], [3.0, 4.0, 3.5, 3.0, 2.0], width=16.0)
    values, variance = laid(members[10].spectrum.intensity + cut)
    known = laid(cut)[0][None]
    assert class_evidence(values, variance, known, model).detected(0.01)
    values, variance = laid(negatives[22].spectrum.intensity + cut)
    assert not class_evidence(values, variance, known, model).detected(0.01)


def test_a_scan_that_is_fully_explained_is_no_evidence(model, members):
    values, variance = laid(members[10].spectrum.intensity)
    explained = class_evidence(values, variance, values[None] * 1.02, model)
    assert (explained.statistic, explained.p_value, explained.bands_cm1) == (UNLIKE, 1.0, ())
    assert "nothing is left" in explained.basis
    assert not explained.detected(1.0)


def test_noise_alone_is_no_evidence(model):
    noise = np.random.default_rng(3).normal(0.0, 0.01, NOTHING.shape[1])
    said = class_evidence(noise, np.full(noise.size, 2e-4), NOTHING, model)
    assert said.p_value == 1.0


def test_points_without_variance_count_as_not_measured(model, members):
    values, variance = laid(members[10].spectrum.intensity)
    short = variance.copy()
    short[-30:] = 0.0
    short[:3] = np.nan
    spoiled = values.copy()
    spoiled[-30:], spoiled[:3] = 1e6, -1e6
    clean = class_evidence(np.where(np.isfinite(short) & (short > 0), values, 0.0), short, NOTHING, model)
    assert class_evidence(spoiled, short, NOTHING, model) == clean
    assert clean.detected(0.05)


def test_scale_of_the_scan_does_not_matter(model, members):
    values, variance = laid(members[10].spectrum.intensity)
    one = class_evidence(values, variance, NOTHING, model)
    other = class_evidence(values * 1e4, variance * 1e8, NOTHING, model)
    assert other.statistic == pytest.approx(one.statistic, abs=1e-9)


def test_another_axis_is_refused(model):
    with pytest.raises(SpectrumMismatch, match="points"):
        class_evidence(np.zeros(5), np.ones(5), np.zeros((0, 5)), model)


def test_evaluation_takes_milliseconds(model, members):
    values, variance = laid(members[10].spectrum.intensity)
    spent = []
    for _ in range(10):
        began = time.process_time()
        class_evidence(values, variance, values[None] * 0.1, model)
        spent.append(time.process_time() - began)
    assert np.median(spent) < 0.03


def test_the_same_references_and_seed_give_the_same_model(members, negatives):
    parts = (members[:8], negatives[:8])
    one, again, other = (
        fit_class_model("fentanyl_analogue", *parts, recipe=RECIPE, seed=seed, draws=(16, 8))
        for seed in (0, 0, 1)
    )
    assert one.digest == again.digest != other.digest
    assert np.array_equal(one.null, again.null)


def test_a_model_survives_json(model):
    text = json.dumps(model.to_json())
    back = ClassModel.from_json(json.loads(text))
    assert back.digest == model.digest
    assert (back.members, back.machine, back.threshold) == (model.members, model.machine, model.threshold)
    assert np.array_equal(back.rows, model.rows)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", 3),
        ("technique", "smell"),
        ("views", [["no such view", 1.0]]),
        ("views", []),
        ("views", 7),
        ("ridge", -1.0),
        ("ridge", "x"),
        ("threshold", float("nan")),
        ("members", ["only one"]),
        ("rows", {"shape": [2, 3], "data": "AAAA"}),
        ("rows", {"shape": [1 << 40], "data": ""}),
        ("rows", {"shape": [2, 2, 2], "data": ""}),
        ("rows", {"shape": [1], "data": "not base64!"}),
        ("axis", {"shape": [0], "data": ""}),
        ("null", {"shape": [0], "data": ""}),
        ("seed", None),
    ],
)
def test_a_damaged_model_is_refused(model, field, value):
    with pytest.raises(MethodError, match=r"class"):
        ClassModel.from_json({**model.to_json(), field: value})


def test_a_model_without_a_field_or_with_an_unsorted_null_is_refused(model):
    whole = model.to_json()
    with pytest.raises(MethodError, match="damaged"):
        ClassModel.from_json({key: value for key, value in whole.items() if key != "null"})
    backwards = dataclasses.replace(model, null=model.null[::-1])
    with pytest.raises(MethodError, match="damaged"):
        ClassModel.from_json(backwards.to_json())


def test_p_values_count_the_null_and_never_reach_zero(model):
    assert model.p_value(1e9) == pytest.approx(1 / (model.null_count + 1))
    assert model.p_value(-1e9) == 1.0
    middle = float(np.median(model.null))
    assert 0.4 < model.p_value(middle) < 0.6
    assert 0.0 <= model.sensitivity() <= 1.0


def test_too_few_members_or_negatives_are_refused(members, negatives):
    with pytest.raises(MethodError, match="needs 8 measured members"):
        fit_class_model("x", members[:7], negatives, recipe=RECIPE)
    with pytest.raises(MethodError, match="at least 2 negatives"):
        fit_class_model("fentanyl_analogue", members[:8], negatives[:1], recipe=RECIPE)
    twins = [
        dataclasses.replace(one, substance=dataclasses.replace(one.substance, inchikey="A" * 14 + "-B"))
        for one in members[:8]
    ]
    with pytest.raises(MethodError, match="needs 8"):
        fit_class_model("fentanyl_analogue", twins, negatives, recipe=RECIPE)


def test_relatives_other_techniques_and_short_spectra_are_passed_over(members, negatives):
    relative = made(2, "fentanyl_precursor", np.random.default_rng(5), SHARED)
    raman = dataclasses.replace(
        negatives[0], spectrum=Spectrum(AXIS, negatives[0].spectrum.intensity, Technique.RAMAN)
    )
    short = entry("short", "other", np.ones(50), axis=AXIS[:50])
    flat = entry("flat", "other", np.zeros(AXIS.size))
    model = fit_class_model(
        "fentanyl_analogue",
        members[:8],
        [*negatives[:4], *relative, raman, short, flat],
        negatives[5:7],
        recipe=RECIPE,
        draws=(8, 4),
    )
    assert model.negatives == tuple(e.substance.name for e in negatives[:4])


def test_progress_adds_up_to_the_draws(members, negatives):
    told = []
    fit_class_model(
        "fentanyl_analogue", members[:8], negatives[:5], recipe=RECIPE, draws=(9, 7), advance=told.append
    )
    assert sum(told) == 16


def test_large_sets_keep_the_negatives_most_like_a_member(members, negatives, monkeypatch):
    monkeypatch.setattr("spectra.class_fit.MOST_NEGATIVES", 5)
    near = entry("near", "other", members[0].spectrum.intensity + curve([1200.0], [0.5]))
    model = fit_class_model("fentanyl_analogue", members[:8], [*negatives, near], recipe=RECIPE, draws=(4, 2))
    assert len(model.negatives) == 5
    assert "near" in model.negatives


def training(rng, m=12, n=60):
    rows = rng.normal(size=(m, n))
    is_member = np.arange(m) < 5
    rows[is_member] += 2.0 * np.sin(np.arange(n) / 3)
    groups = tuple(f"g{k // 2}" for k in range(m))
    return Training(rows, is_member, groups, rows[~is_member], groups[5:], RECIPE)


def test_closed_form_of_leaving_out_groups_equals_solving_without_them():
    data = training(np.random.default_rng(7))
    rows = seen(data.rows, "derivative", 4.0)
    scale = typical(rows @ rows.T)
    fast = left_out(gram(rows @ rows.T, scale), data, 0.1)
    labels = np.array(data.groups)
    for group in set(data.groups):
        keep = labels != group
        # the penalty of each reference depends on the counts of the whole set, so it is set by hand
        from spectra.class_scores import penalty

        table = gram(rows[keep] @ rows[keep].T, scale) + np.diag(penalty(data.is_member, 0.1)[keep])
        slow = gram(rows[~keep] @ rows[keep].T, scale) @ np.linalg.solve(table, targets(data.is_member)[keep])
        assert fast[~keep] == pytest.approx(slow + UNLIKE, abs=1e-9)


def test_choice_prefers_the_view_that_parts_the_class():
    rng = np.random.default_rng(8)
    data = training(rng)
    machine = choose(data)
    assert len(machine.views) == 4
    assert sum(machine.weights().values()) == pytest.approx(1.0)
    assert machine == choose(data)


def test_a_scan_like_no_reference_scores_as_a_negative():
    rng = np.random.default_rng(9)
    data = training(rng)
    machine = Machine((("derivative", 0.05),), 0.1, 4.0)
    far = rng.normal(size=(3, 60))
    scores = responses(far, data.rows, data.is_member, basis=np.zeros((0, 60)), machine=machine)
    assert scores == pytest.approx(np.full(3, UNLIKE), abs=0.05)


def test_without_members_left_everything_scores_as_a_negative():
    data = training(np.random.default_rng(10))
    basis = np.linalg.svd(data.rows[:5], full_matrices=False)[2]
    machine = Machine((("derivative", 1.0),), 0.1, 4.0)
    score = responses(data.rows[:1], data.rows, data.is_member, basis=basis, machine=machine)
    assert score == pytest.approx([UNLIKE])


@pytest.mark.parametrize(
    "wrong", [((), 0.1, 4.0), ((("bands", -1.0),), 0.1, 4.0), ((("bands", 1.0),), 0.0, 4.0)]
)
def test_machines_out_of_range_are_refused(wrong):
    with pytest.raises(ValueRangeError):
        Machine(*wrong)


def test_solving_reproduces_the_targets_where_nothing_is_regularised():
    data = training(np.random.default_rng(11))
    rows = unit(data.rows)
    table = gram(rows @ rows.T, 0.5)
    fitted = table @ solve(table, data.is_member, 1e-9)
    assert fitted == pytest.approx(targets(data.is_member), abs=1e-5)


def test_boundary_lies_halfway_between_parted_scores_and_respects_cost():
    assert boundary(np.array([-1.0, -0.5]), np.array([0.5, 1.0])) == pytest.approx(0.0)
    null = np.linspace(-1.0, 0.0, 100)
    assert boundary(null, np.array([-0.5, 0.5, 0.6])) > 0.0


def test_draws_share_the_rows_evenly_and_leave_groups_out():
    data = training(np.random.default_rng(12), n=RECIPE.grid().size)
    machine = Machine((("bands", 1.0),), 0.1, RECIPE.spacing)
    scores = held_out(data, [5, 6, 7], 7, np.random.default_rng(0), machine=machine)
    assert scores.shape == (7,)
    assert np.isfinite(scores).all()
    alone = dataclasses.replace(data, partners=data.partners[:0], partner_groups=())
    assert held_out(alone, [5], 4, np.random.default_rng(0), machine=machine).shape == (4,)


@pytest.mark.parametrize("view", VIEWS)
def test_views_are_of_unit_length_and_leave_their_input_alone(view):
    rows = np.random.default_rng(13).normal(size=(3, 80))
    rows.setflags(write=False)
    assert np.linalg.norm(seen(rows, view, 4.0), axis=1) == pytest.approx(np.ones(3))
    assert not seen(np.zeros((1, 80)), view, 4.0).any()


def test_bands_undo_the_derivative():
    shape = np.exp(-0.5 * ((np.arange(200) - 90) / 8.0) ** 2)
    integral = bands(np.diff(shape, prepend=0.0))
    assert np.corrcoef(integral, shape)[0, 1] == pytest.approx(1.0, abs=1e-6)


def test_basis_of_known_parts_holds_them_and_their_shift():
    x = np.arange(300.0)
    part = np.gradient(np.exp(-0.5 * ((x - 150) / 6.0) ** 2))
    basis = known_basis(part[None], np.ones(300))
    moved = np.interp(x - 0.3, x, part)
    assert np.linalg.norm(without(moved[None], basis)) < 0.02 * np.linalg.norm(moved)
    assert basis @ basis.T == pytest.approx(np.eye(len(basis)), abs=1e-9)
    assert known_basis(np.zeros((1, 300)), np.ones(300)).shape == (0, 300)
    assert typical(np.ones((1, 1))) == 1.0


def test_only_harmless_or_named_references_count_as_known():
    cut, drug = entry("c", "cutting_agent", np.ones(AXIS.size)), entry("d", "opioid", np.ones(AXIS.size))
    member, kin = (entry(k, k, np.ones(AXIS.size)) for k in ("fentanyl_analogue", "fentanyl_precursor"))
    foil = entry("f", "unknown", np.ones(AXIS.size), packaging=True)
    known = [counts_as_known(e, "fentanyl_analogue", named=False) for e in (cut, drug, member, kin, foil)]
    assert known == [True, False, False, False, True]
    named = [counts_as_known(e, "fentanyl_analogue", named=True) for e in (cut, drug, member, kin, foil)]
    assert named == [True, True, False, False, True]


def test_groups_are_skeletons_or_names():
    plain = np.ones(AXIS.size)
    assert group_of(entry("A", "x", plain, "PJMPHNIQZUBGLI-UHFFFAOYSA-N")) == "PJMPHNIQZUBGLI"
    assert group_of(entry("Some Salt", "x", plain)) == "some salt"
    assert group_of(entry("Odd", "x", plain, "short-key")) == "odd"


def test_bands_are_called_by_their_usual_names():
    assert assignment(1652.0, Technique.FTIR) == "amide C=O"
    assert assignment(1001.0, Technique.RAMAN) == "phenyl ring breathing"
    assert assignment(1234.0, Technique.FTIR) == UNASSIGNED


def test_raman_classes_are_fitted_on_their_own_grid():
    recipe = default_recipe(Technique.RAMAN)
    axis = np.arange(380.0, 1821.0, 2.0)
    rng = np.random.default_rng(21)

    def entries(count, substance_class, shared):
        for k in range(count):
            at = np.array([*(p + rng.uniform(-2, 2) for p in shared), *rng.uniform(420, 1780, size=6)])
            heights = np.array([1.0] * len(shared) + list(rng.uniform(0.2, 0.7, size=6)))
            shape = np.exp(-0.5 * ((axis[:, None] - at) / 5.0) ** 2) @ heights
            spectrum = Spectrum(axis, 100.0 * shape, Technique.RAMAN)
            name = f"{substance_class} {k}"
            substance = Substance(name, substance_class=substance_class)
            yield ReferenceEntry(name, substance, spectrum, Grade.MEASURED)

    ours, others = list(entries(10, "nitazene", (1001.0, 1340.0, 1601.0))), list(entries(13, "other", ()))
    model = fit_class_model("nitazene", ours[:9], others[:12], recipe=recipe, draws=(60, 20))
    for unseen, wanted in ((ours[9], True), (others[12], False)):
        features = prepare(unseen.spectrum, recipe)
        none = np.zeros((0, features.values.size))
        said = class_evidence(features.values, features.variance, none, model)
        assert said.detected(0.02) == wanted
    assert model.technique is Technique.RAMAN
