"""A stored method in words, and as one JSON object: what it holds, what it promises, how that was checked."""

from collections.abc import Iterator
from typing import Any

from library.method_store import StoredMethod
from spectra.class_fit import group_of
from spectra.class_value import MIN_CLASS_MEMBERS
from spectra.method import Method
from spectra.negatives import MeasuredNull, watched_rows
from spectra.query import WITH_BLANK
from spectra.trained import CLASSES, class_members
from spectra.validation import clopper_pearson
from spectra.values import Technique

#: Shares of noise at which thresholds are shown: a scan without noise, in between, nothing but noise.
SHARES = (0.0, 0.5, 1.0)

#: Rows shown of lists that can be long; the JSON has all.
_MOST_ROWS = 40


def method_json(stored: StoredMethod) -> dict[str, Any]:
    """Return all there is to say of a stored method, JSON values."""
    method = stored.method
    return {
        "name": method.name,
        "version": method.version,
        "digest": method.digest,
        "file": str(stored.path),
        "training": method.training,
        "fitted_at": stored.report.get("fitted_at"),
        "software": stored.report.get("software"),
        "library": {"name": method.library_name, "digest": method.library_digest},
        "promise": promise_json(method),
        "techniques": {str(t): _technique_json(method, t) for t in method.sets},
        "watch_list": _watch_json(method),
        "classes": _class_json(method),
        "negatives_live": stored.report.get("negatives_live", {}),
        "refused_negatives": stored.report.get("refused_negatives", []),
        "reliability": stored.report.get("reliability", {}),
    }


def promise_json(method: Method) -> dict[str, Any]:
    """Return the promised rate of false alarms and how it is divided among a screening's scans."""
    return {
        "false_alarm_rate": method.false_alarm_rate,
        "holds_for": "completed screening",
        "planned_scans": method.planned_scans,
        "scan_rates": [
            {
                "scan": number,
                "rate": method.scan_rate(number),
                "search": {str(t): method.search_rate(t, number) for t in method.sets},
                "each_class": {str(t): method.search_rate(t, number) for t in method.class_models},
            }
            for number in range(1, method.planned_scans + 2)
        ],
    }


def _technique_json(method: Method, technique: Technique) -> dict[str, Any]:
    references, table = method.sets[technique], method.nulls[technique]
    measured = method.measured.get(technique)
    return {
        "references": len(references.entries),
        "recipe": {"name": references.recipe.name, "digest": references.recipe.digest},
        "null_count": {
            "simulated": int(table.maxima.size),
            "simulated_counted_against": table.count,
            "measured": 0 if measured is None else len(measured.negatives),
        },
        "least_p_value": 1.0 / (table.count + 1),
        "thresholds": [
            {
                "noise_share": share,
                "blank": blank,
                "statistic": method.threshold(technique, None, share + (WITH_BLANK if blank else 0.0)),
            }
            for blank in (False, True)
            for share in SHARES
        ],
        "negatives": None if measured is None else _negatives_json(method, technique, measured),
    }


def _negatives_json(method: Method, technique: Technique, measured: MeasuredNull) -> dict[str, Any]:
    """Return how the agency's own negatives did against the simulated null table."""
    table, rate = method.nulls[technique], method.false_alarm_rate
    above = [n for n in measured.negatives if n.statistic >= table.threshold(rate, n.regime)]
    decides = measured.tests(rate)
    return {
        "scans": len(measured.negatives),
        "can_test_rate": decides,
        "threshold": measured.threshold(rate) if decides else None,
        "above_simulated_threshold": len(above),
        "interval": list(clopper_pearson(len(above), len(measured.negatives))),
        "above": [{"source": n.source, "substance": n.substance, "statistic": n.statistic} for n in above],
    }


def _watch_json(method: Method) -> list[dict[str, Any]]:
    return [
        {
            "substance": item.substance,
            "limit_share": item.limit_share,
            "references": {
                str(t): len(watched_rows(refs, [item.substance])) for t, refs in method.sets.items()
            },
        }
        for item in method.watch_list
    ]


def _class_json(method: Method) -> list[dict[str, Any]]:
    """Return each class a method may answer for, in each technique: asked about, trained, from what."""
    found: list[dict[str, Any]] = []
    for technique, references in method.sets.items():
        for name in dict.fromkeys([*method.classes, *CLASSES]):
            model = method.class_model(technique, name)
            row: dict[str, Any] = {
                "class": name,
                "technique": str(technique),
                "asked": name in method.classes,
                "trained": model is not None,
                "measured_members": len({group_of(e) for e in class_members(references.entries, name)}),
            }
            if model is not None:
                row |= {
                    "members": sorted(set(model.members)),
                    "negatives": sorted(set(model.negatives)),
                    "null_count": model.null_count,
                    "digest": model.digest,
                }
            found.append(row)
    return found


def method_lines(stored: StoredMethod) -> list[str]:
    """Return a stored method in lines for people."""
    told = method_json(stored)
    mark = "   ### TRAINING: harmless targets ###" if told["training"] else ""
    library = told["library"]
    return [
        f"{told['name']}@{told['version']}{mark}",
        f"  digest    {told['digest']}",
        f"  library   {library['name']}, digest {library['digest'][:16]}…",
        f"  fitted    {told['fitted_at']} by {told['software']}",
        *_promise_lines(told["promise"]),
        *(line for name, one in told["techniques"].items() for line in _technique_lines(name, one)),
        *(line for name, one in told["negatives_live"].items() for line in _live_lines(name, one)),
        *_watch_lines(told["watch_list"]),
        *_class_lines(told["classes"]),
        *(line for name, one in told["reliability"].items() for line in _reliability_lines(name, one)),
    ]


def _promise_lines(promise: dict[str, Any]) -> Iterator[str]:
    yield (
        f"  promise   at most {promise['false_alarm_rate']:.2%} of completed screenings of harmless parcels "
        "raise an alarm"
    )
    first, beyond = promise["scan_rates"][0], promise["scan_rates"][-1]
    parts = ", ".join(f"{rate:.3%} of {technique}" for technique, rate in first["search"].items())
    yield (
        f"            {promise['planned_scans']} scan(s) planned per screening: {first['rate']:.3%} each, "
        f"the next {beyond['rate']:.3%} and then ever less"
    )
    yield f"            the search (and each trained class) may spend {parts}"


def _technique_lines(name: str, one: dict[str, Any]) -> Iterator[str]:
    count, recipe = one["null_count"], one["recipe"]
    yield f"{name}: {one['references']} references, recipe {recipe['name']} ({recipe['digest'][:16]}…)"
    yield (
        f"  null scans  {count['simulated']} simulated ({count['simulated_counted_against']} of them, those "
        f"nearest in noise, for each p-value), {count['measured']} measured"
    )
    limits = ", ".join(
        f"{t['statistic']:.1f} (noise {t['noise_share']:.0%}{', blank' if t['blank'] else ''})"
        for t in one["thresholds"]
    )
    yield f"  thresholds  {limits}; least p-value {one['least_p_value']:.5f}"
    if (negatives := one["negatives"]) is not None:
        low, high = negatives["interval"]
        role = "decide with the simulated ones" if negatives["can_test_rate"] else "are a check only: too few"
        yield (
            f"  negatives   {negatives['above_simulated_threshold']} of {negatives['scans']} measured scans "
            f"above the simulated threshold (95 %: {low:.3f} to {high:.3f}); they {role}"
        )
        for scan in negatives["above"][:_MOST_ROWS]:
            yield f"    above: {scan['source']}: {scan['substance']}, statistic {scan['statistic']:.1f}"


def _live_lines(name: str, one: dict[str, Any]) -> Iterator[str]:
    low, high = one["interval"]
    yield (
        f"negatives, {name} (MEASURED): {one['alarms']} of {one['scans']} scans raise an alarm by this "
        f"method (95 %: {low:.3f} to {high:.3f})"
    )
    for source in one["sources"][:_MOST_ROWS]:
        yield f"    alarm: {source}"


def _watch_lines(items: list[dict[str, Any]]) -> Iterator[str]:
    yield f"watch list: {len(items)} substance(s)"
    for item in items[:_MOST_ROWS]:
        counts = ", ".join(f"{n} {t}" for t, n in item["references"].items() if n) or "no reference"
        yield f"  {item['substance']}: to be excluded below {item['limit_share']:.0%} ({counts})"
    if (more := len(items) - _MOST_ROWS) > 0:
        yield f"  and {more} more; --json names all"


def _class_lines(rows: list[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        if row["trained"]:
            yield (
                f"class {row['class']} ({row['technique']}): trained on {len(row['members'])} members and "
                f"{len(row['negatives'])} negatives, {row['null_count']} simulated null scans"
            )
        else:
            asked = "" if row["asked"] else "; the method does not answer for it"
            yield (
                f"class {row['class']} ({row['technique']}): untrained, {row['measured_members']} of "
                f"at least {MIN_CLASS_MEMBERS} different measured members{asked}"
            )


def _reliability_lines(name: str, table: dict[str, Any]) -> Iterator[str]:
    low, high = table["observed_rate_interval"]
    yield (
        f"reliability, {name} (SIMULATED): {table['false_alarms']} of {table['absent_scans']} scans without "
        f"anything unknown at or below {table['promised_rate']} (95 %: {low:.4f} to {high:.4f}); "
        f"p-values {table['uniformity_distance']:.3f} from uniform"
    )
    yield "  p-value up to   scans   really there   95 %"
    for one in table["bins"]:
        share = f"{one['true'] / one['scans']:.0%}" if one["scans"] else "–"
        low, high = one["interval"]
        yield f"  {one['p_value_upto']:<15g} {one['scans']:<7} {share:<14} {low:.2f} to {high:.2f}"
