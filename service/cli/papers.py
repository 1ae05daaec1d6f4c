"""Options that document a sample, and what they amount to: who vouches, on what grounds, for which lot."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import UsageError

if TYPE_CHECKING:
    from library.documenting import Papers

AuthenticatedBy = Annotated[
    str,
    typer.Option("--authenticated-by", metavar="NAME", help="Who vouches for the sample: not who measured."),
]
AuthenticatedAt = Annotated[
    str,
    typer.Option(
        "--authenticated-at", metavar="TIME", help="When, such as 2026-11-20T09:30:00Z.", show_default="now"
    ),
]
Basis = Annotated[
    str, typer.Option("--basis", metavar="TEXT", help="On what grounds, such as the certificate's number.")
]
Certificate = Annotated[
    str, typer.Option(metavar="FILE|TEXT", help="Certificate of analysis; of a file its SHA-256 is kept.")
]
Lot = Annotated[str, typer.Option(help="Lot of the sample.")]
Expires = Annotated[str, typer.Option(metavar="DATE", help="Last day of the lot, such as 2027-06-30.")]
Supplier = Annotated[str, typer.Option(help="Who supplied the sample.")]
SampleName = Annotated[str, typer.Option("--sample", help="What the laboratory calls the sample.")]


def one_line(text: str) -> str:
    """Return a text of one line without blanks around it; raises `UsageError` for another."""
    if len(text) > 500 or not text.isprintable():
        raise UsageError("names, reasons and the like are one line of at most 500 printable characters")
    return text.strip()


def now_utc() -> str:
    """Return the time now as RFC 3339, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def certified(text: str) -> dict[str, str]:
    """Return a certificate: the text, or the name and digest of the file of that name.

    Raises
    ------
    UsageError
        The file cannot be read.
    """
    from library.documenting import certificate_facts
    from library.errors import AuthenticationRefused

    try:
        return certificate_facts(one_line(text), Path(text) if text else None)
    except AuthenticationRefused as error:
        raise UsageError(str(error)) from error


def papers_asked(by: str, at: str, basis: str, certificate: str = "", **more: str) -> "Papers | None":
    """Return what was said of who vouches, None where nothing was.

    Raises
    ------
    UsageError
        Only a part was said: who vouches and on what grounds belong together.
    """
    rest = {"authenticated-at": at, "certificate": certificate, **more}
    by, basis = one_line(by), one_line(basis)
    if not by and not basis:
        if told := [name for name, text in rest.items() if text.strip()]:
            raise UsageError(f"--{told[0]} documents a sample: give --authenticated-by and --basis as well")
        return None
    if not by or not basis:
        raise UsageError("--authenticated-by and --basis belong together: who vouches, and on what grounds")
    from library.documenting import Papers

    texts = {name: one_line(text) for name, text in more.items()}
    when = one_line(at) or now_utc()
    return Papers(authenticated_by=by, authenticated_at=when, basis=basis, **certified(certificate), **texts)
