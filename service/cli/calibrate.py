"""``opioscan calibrate``: an instrument's axis, intensity or resolution from lamps, standards or files."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import UsageError
from .calibrate_asked import Asked, axis_asked, check_exposure, numbers, papers_of
from .firing import Accumulations, Delay, Exposure

if TYPE_CHECKING:
    from .calibrate_work import Done

app = typer.Typer(
    help="Calibrate an instrument's axis, intensity or resolution.",
    add_completion=False,
    no_args_is_help=True,
)

Device = Annotated[str, typer.Option(metavar="NAME_OR_URL", help="Instrument to calibrate.")]
Serial = Annotated[str, typer.Option(help="Serial number, where the files name none.")]
Operator = Annotated[str, typer.Option(help="Who calibrates.", show_default="who is logged in")]
Days = Annotated[int, typer.Option("--valid-days", min=1, help="Days it may be used.")]
Certificates = Annotated[
    list[str] | None,
    typer.Option("--certificate", metavar="[NAME=]TEXT", help="Certificate of a standard; may be repeated."),
]
Expiries = Annotated[
    list[str] | None,
    typer.Option("--certificate-expires", metavar="[NAME=]DATE", help="Its last day; may be repeated."),
]
Note = Annotated[str, typer.Option(help="What is to be remembered.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Keep no record; scans stay in the archive.")]
Plot = Annotated[Path | None, typer.Option(metavar="OUT.png", help="Draw the result: .png or .svg.")]
Force = Annotated[bool, typer.Option("--force", help="Replace files that are there.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def scan(
    device: Device,
    lamp: Annotated[str, typer.Option(help="A lamp, the laser off: neon, argon, neon+argon.")] = "",
    standard: Annotated[str, typer.Option(help="A standard under the laser, such as silicon.")] = "",
    exposure: Exposure = None,
    accumulations: Accumulations = None,
    delay: Delay = 0.0,
    json: Json = False,
) -> None:
    """Scan one lamp or standard and print where it is kept, for a calibration from scans later."""
    from .calibrate_taking import scan_alone

    if bool(lamp) == bool(standard):
        raise UsageError("say --lamp NAME, or --standard NAME")
    firing = {"exposure_s": check_exposure(exposure), "accumulations": accumulations, "delay_s": delay}
    scan_alone(device, lamp, standard, firing, as_json=json)


@app.command()
def axis(
    device: Device = "",
    lamp: Annotated[
        list[str] | None, typer.Option(help="Lamp: neon, argon, neon+argon; may be repeated.")
    ] = None,
    shift_standard: Annotated[
        str, typer.Option(help="Standard that gives the laser line, such as silicon.")
    ] = "",
    check: Annotated[str, typer.Option(help="Standard that only checks, such as polystyrene.")] = "",
    lamp_file: Annotated[
        list[str] | None, typer.Option(metavar="FILE|SCAN", help="Instead of a device: one for each --lamp.")
    ] = None,
    standard_file: Annotated[str, typer.Option(metavar="FILE|SCAN", help="Measured shift standard.")] = "",
    check_file: Annotated[str, typer.Option(metavar="FILE|SCAN", help="Measured check standard.")] = "",
    guess: Annotated[
        str, typer.Option(metavar="C0,C1,…", help="Rough axis, nm per channelⁱ.", show_default="as told")
    ] = "",
    laser_nm: Annotated[
        float | None,
        typer.Option("--laser-nm", metavar="NM", help="Rough laser line.", show_default="as told"),
    ] = None,
    film: Annotated[
        str,
        typer.Option(
            metavar="FILE|SCAN|now", help="Infrared: scan of a polystyrene film; now: with --device."
        ),
    ] = "",
    certificate_file: Annotated[
        Path | None,
        typer.Option(
            metavar="JSON", help="Infrared: bands of the film in hand, instead of a pharmacopoeia's."
        ),
    ] = None,
    source: Annotated[
        str, typer.Option("--from", metavar="FILE|SCAN", help="Rescue: a measurement of a known substance.")
    ] = "",
    known: Annotated[str, typer.Option(help="Rescue: the substance, such as acetaminophen.")] = "",
    apply_to: Annotated[
        list[str] | None,
        typer.Option("--apply-to", metavar="FILE|SCAN|FOLDER", help="Rescue: correct these, too."),
    ] = None,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Rescue: folder to write to.")] = Path(
        "rescued"
    ),
    ending: Annotated[str, typer.Option("--format", help="Rescue: .jdx, .csv or .h5.")] = ".jdx",
    exposure: Exposure = None,
    accumulations: Accumulations = None,
    delay: Delay = 0.0,
    serial: Serial = "",
    operator: Operator = "",
    valid_days: Days = 90,
    certificate: Certificates = None,
    certificate_expires: Expiries = None,
    note: Note = "",
    dry_run: DryRun = False,
    plot: Plot = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Calibrate the axis: with lamps and a standard, from files, with a film, or after the fact (--from)."""
    asked = Asked(
        device=device,
        firing={"exposure_s": exposure, "accumulations": accumulations, "delay_s": delay},
        papers=papers_of(operator, serial, valid_days, certificate, certificate_expires, note),
        dry_run=dry_run,
        plot=plot,
        force=force,
        as_json=json,
    )
    wanted = axis_asked(
        device=bool(device),
        lamps=lamp or [],
        standard=shift_standard,
        check=check,
        files=(lamp_file or [], standard_file, check_file),
        film=film,
        source=source,
        known=known,
        apply_to=apply_to or [],
    )
    from . import calibrate_work as work

    with work.Work.begun(asked) as working:
        if wanted == "rescue":
            from .calibrate_rescue import rescue

            rescue(working, source, known, apply_to or [], out, ending)
            return
        done: Done
        if wanted == "film":
            done = working.film(film, certificate_file)
        elif wanted == "device":
            done = working.lamps(lamp or [], shift_standard, check, numbers(guess), laser_nm)
        else:
            files = (lamp_file or [], standard_file, check_file)
            done = working.files(
                lamp or [], shift_standard, check, files, guess=numbers(guess), laser_nm=laser_nm
            )
        working.finish(done)


@app.command()
def intensity(
    srm: Annotated[str, typer.Option(metavar="NUMBER", help="NIST glass: 2241, 2242a, 2246, ….")] = "",
    device: Device = "",
    file: Annotated[str, typer.Option(metavar="FILE|SCAN", help="Instead of a device: a scan of it.")] = "",
    certificate_file: Annotated[
        Path | None,
        typer.Option(metavar="JSON", help="Curve of the certificate in hand, instead of the shipped one."),
    ] = None,
    exposure: Exposure = None,
    accumulations: Accumulations = None,
    delay: Delay = 0.0,
    serial: Serial = "",
    operator: Operator = "",
    valid_days: Days = 90,
    certificate: Certificates = None,
    certificate_expires: Expiries = None,
    note: Note = "",
    dry_run: DryRun = False,
    plot: Plot = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Calibrate the relative intensity with a fluorescent glass (ASTM E2911)."""
    if bool(device) == bool(file):
        raise UsageError("say --device, or --file with a scan of the glass")
    if not srm and certificate_file is None:
        raise UsageError("say which glass it is: --srm 2241, or --certificate-file")
    asked = Asked(
        device=device,
        firing={"exposure_s": exposure, "accumulations": accumulations, "delay_s": delay},
        papers=papers_of(operator, serial, valid_days, certificate, certificate_expires, note),
        dry_run=dry_run,
        plot=plot,
        force=force,
        as_json=json,
    )
    from . import calibrate_work as work

    with work.Work.begun(asked) as working:
        working.finish(working.response(srm, certificate_file, file))


@app.command()
def resolution(
    device: Device = "",
    file: Annotated[str, typer.Option(metavar="FILE|SCAN", help="Instead of a device: a scan of it.")] = "",
    standard: Annotated[str, typer.Option(help="What was measured: calcite.")] = "calcite",
    exposure: Exposure = None,
    accumulations: Accumulations = None,
    delay: Delay = 0.0,
    serial: Serial = "",
    operator: Operator = "",
    valid_days: Days = 90,
    certificate: Certificates = None,
    certificate_expires: Expiries = None,
    note: Note = "",
    dry_run: DryRun = False,
    plot: Plot = None,
    force: Force = False,
    json: Json = False,
) -> None:
    """Measure the resolution by the band of calcite at 1085.9 cm⁻¹ (ASTM E2529)."""
    if bool(device) == bool(file):
        raise UsageError("say --device, or --file with a scan of calcite")
    if standard != "calcite":
        raise UsageError(f"--standard {standard}: the resolution is measured with calcite")
    asked = Asked(
        device=device,
        firing={"exposure_s": exposure, "accumulations": accumulations, "delay_s": delay},
        papers=papers_of(operator, serial, valid_days, certificate, certificate_expires, note),
        dry_run=dry_run,
        plot=plot,
        force=force,
        as_json=json,
    )
    from . import calibrate_work as work

    with work.Work.begun(asked) as working:
        working.finish(working.resolution(standard, file))
