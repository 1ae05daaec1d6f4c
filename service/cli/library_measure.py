"""``opioscan library measure`` and ``authenticate``: from a known sample to an entry somebody vouches for."""

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any

import typer

from library.names import slug
from spectra.values import Presentation

from ..errors import UsageError
from ..settings import load_settings
from .firing import Accumulations, Delay, Exposure
from .library_edit import person
from .library_words import Json, entry_json, library_json
from .output import emit_json, progress, say, warn
from .papers import Certificate, Expires, Lot, SampleName, Supplier, certified, now_utc, one_line

if TYPE_CHECKING:
    from library.drafts import Draft
    from library.judging import Judgement

    from .measure_asked import Wanted

Into = Annotated[Path, typer.Option("--into", metavar="LIB.h5", help="Library it is for.")]


def measure(
    substance: Annotated[str, typer.Argument(metavar="SUBSTANCE", help="What the sample is.")],
    device: Annotated[str, typer.Option(metavar="NAME_OR_URL", help="What measures.")],
    into: Into,
    form: Annotated[str, typer.Option(help="Salt, hydrate or physical form.")] = "",
    substance_class: Annotated[
        str, typer.Option("--class", help="Its class, where the substance table has none.")
    ] = "",
    schedule: Annotated[str, typer.Option(help="Its schedule, where the table has none.")] = "",
    cas: Annotated[str, typer.Option(help="Its CAS number, where the table has none.")] = "",
    inchikey: Annotated[str, typer.Option(help="Its InChIKey, where the table has none.")] = "",
    sample: SampleName = "",
    certificate: Certificate = "",
    lot: Lot = "",
    expires: Expires = "",
    supplier: Supplier = "",
    licence: Annotated[str, typer.Option(help="Licence the spectrum shall have.")] = "",
    operator: Annotated[str, typer.Option(help="Who measures.", show_default="who is logged in")] = "",
    blank: Annotated[
        str, typer.Option("--blank", help="Blank to use; with --take-blank, its new name.")
    ] = "",
    take_blank: Annotated[bool, typer.Option("--take-blank", help="Scan the empty container first.")] = False,
    no_blank: Annotated[
        bool, typer.Option("--no-blank", help="There is no container between probe and sample.")
    ] = False,
    origin: Annotated[
        str, typer.Option("--origin", help="With --take-blank: where the container comes from.")
    ] = "",
    spots: Annotated[int, typer.Option(min=1, max=50, help="Spots of the sample.")] = 3,
    replicates: Annotated[int, typer.Option(min=1, max=50, help="Scans at each spot.")] = 3,
    presentation: Annotated[
        Presentation | None,
        typer.Option(help="What is between probe and sample.", show_default="as the device is used"),
    ] = None,
    resolution: Annotated[
        float | None, typer.Option(metavar="CM1", min=0.1, max=100.0, help="Resolution, cm⁻¹.")
    ] = None,
    exposure: Exposure = None,
    accumulations: Accumulations = None,
    delay: Delay = 0.0,
    draft: Annotated[
        Path | None,
        typer.Option("--draft", metavar="FILE", help="Draft to go on with, or its name.", show_default="new"),
    ] = None,
    json: Json = False,
) -> None:
    """Measure a known sample into a draft, step by step. Ctrl-C turns the laser off; the draft stays."""
    from library.authenticating import training_library

    from .measure_asked import Wanted

    if (take_blank or bool(blank)) == no_blank:
        raise UsageError("say --blank NAME, --take-blank, or --no-blank where no container is in between")
    if exposure is not None and not 0.0 < exposure <= 600.0:
        raise UsageError(f"--exposure {exposure:g}: write more than 0 and at most 600 seconds")
    shown = None if presentation is None else str(presentation)
    facts = {"form": form, "substance_class": substance_class, "schedule": schedule, "cas": cas}
    papers = {"sample": sample, "supplier": supplier, "lot": lot, "expires": expires, "licence": licence}
    path = draft or _new_name(into, substance)
    _measure(
        Wanted(
            device=device,
            sample=_sample(substance, {**facts, **papers, "inchikey": inchikey, **certified(certificate)}),
            operator=person(operator),
            path=path,
            into=into,
            training=training_library(into),
            spots=spots,
            replicates=replicates,
            blank=blank or (f"blank of {slug(substance)}"[:64] if take_blank else ""),
            take_blank=take_blank,
            origin=origin,
            resolution_cm1=resolution,
            firing={
                "exposure_s": exposure,
                "accumulations": accumulations,
                "delay_s": delay,
                "presentation": shown,
            },
            as_json=json,
        )
    )


def authenticate(
    draft: Annotated[Path, typer.Argument(metavar="DRAFT", help="The draft.")],
    into: Into,
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who vouches: not who measured.")],
    basis: Annotated[str, typer.Option("--basis", metavar="TEXT", help="On what grounds.")],
    certificate: Certificate = "",
    lot: Lot = "",
    expires: Expires = "",
    supplier: Supplier = "",
    sample: SampleName = "",
    accept: Annotated[
        list[str] | None,
        typer.Option(metavar="CODE", help="A finding you looked at and accept; may be repeated."),
    ] = None,
    json: Json = False,
) -> None:
    """Make a draft an entry of the library: a second person vouches for the sample."""
    from library.authenticating import authenticate as vouch

    papers = {"lot": lot, "expires": expires, "supplier": supplier, "sample": sample}
    with progress("quality control"):
        done = vouch(
            draft,
            into,
            by=one_line(by),
            at=now_utc(),
            basis=one_line(basis),
            more={**papers, **certified(certificate)},
            accepted=accept or (),
        )
    if json:
        emit_json({**library_json(done.library), "entry": entry_json(done.entry), **done.judgement.to_json()})
        return
    for line in judgement_lines(done.judgement):
        say(line)
    words = f"{done.entry.substance.name} ({done.entry.reference_id})"
    say(f"{into}: {words} authenticated by {by}; {len(done.library.entries)} entries")


def judgement_lines(judgement: "Judgement") -> list[str]:
    """Return what is said of a draft, for people."""
    figures = judgement.quality.figures
    snr = "unknown" if figures.snr is None else f"{figures.snr:.0f}"
    lines = [f"Range {figures.from_cm1:.0f}–{figures.to_cm1:.0f} cm⁻¹, signal-to-noise of the average {snr}"]
    if judgement.agreement is not None:
        first, second = judgement.least
        lines.append(f"Least agreement {judgement.agreement:.3f}, between {first} and {second}")
    lines += [f"{one.severity}: {one.sentence}" for one in judgement.quality.findings]
    return lines


def _measure(wanted: "Wanted") -> None:
    from library.authenticating import disagreement
    from library.errors import DraftError

    from ..archive.journal import Archive
    from ..bench.client import BenchClient
    from ..calibrations import Calibrations
    from .measure_guide import Guide

    settings = load_settings()
    with BenchClient.connect(settings) as client:
        guide = Guide(wanted, client, Archive(settings.archive_dir), Calibrations(settings.calibrations_dir))
        judgement = guide.run()
    assert guide.draft is not None
    if not judgement.agrees:
        raise DraftError(f"{disagreement(judgement)} ({wanted.path} keeps what was measured)")
    _tell(guide.draft, judgement, wanted)


def _tell(draft: "Draft", judgement: "Judgement", wanted: "Wanted") -> None:
    counts = {"replicates": len(draft.kept), "spots": draft.spots, "days": draft.days}
    if wanted.as_json:
        emit_json({"step": "done", "draft": str(wanted.path), **counts, **judgement.to_json()})
    else:
        first, *others = judgement_lines(judgement)
        say(f"4 of 4  {first}")
        for line in others:
            say(f"        {line}")
        counted = ", ".join(f"{name} {number}" for name, number in counts.items())
        say(f"Draft {wanted.path}: {counted}")
        say("A second person makes it an entry:")
        say(f"  {_next_command(draft, wanted.path, wanted.into)}")
    if draft.device.emulated:
        warn("this is an emulated device: no real sample was measured")
    if judgement.described.unsettled:
        warn(
            f"the substance table does not know {wanted.sample.substance}: it counts as "
            f"{'' if judgement.entry.substance.controlled else 'not '}controlled; --schedule says otherwise"
        )


def _next_command(draft: "Draft", path: Path, into: Path) -> str:
    papers = {"certificate": "FILE", "lot": "LOT", "expires": "DATE"}
    missing = [f"--{name} {value}" for name, value in papers.items() if not getattr(draft.sample, name)]
    where = f"{quote(str(path))} --into {quote(str(into))}"
    return " ".join(["opioscan library authenticate", where, "--by NAME --basis TEXT", *missing])


def _sample(substance: str, facts: dict[str, str]) -> Any:
    from library.drafts import Sample

    return Sample(substance=substance.strip(), **{key: value.strip() for key, value in facts.items()})


def _new_name(into: Path, substance: str) -> Path:
    moment = now_utc().replace(":", "").replace("-", "").removesuffix("Z")
    return into.with_name(f"{slug(substance)}-{moment}.draft.json")
