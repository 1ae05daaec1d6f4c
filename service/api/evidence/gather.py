"""Everything that was kept of a result, found by what the result names."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from ...archive.journal import Archive
from ...evidence.inputs import cited_records
from ...evidence.looker import Looker
from ..database import Database
from ..methods.files import path_of
from ..methods.repository import files_of
from ..results.repository import find_result
from ..scans.repository import find_scan
from ..settings import ServerSettings
from ..tables import Calibration, Event, MethodFile, Parcel, Result, Screening, Verification


class Keeps(Protocol):
    """What evidence is taken from: the store of a running server, or the records on its machine."""

    @property
    def database(self) -> Database:
        """Records."""
        ...

    @property
    def archive(self) -> Archive:
        """Scans."""
        ...

    @property
    def settings(self) -> ServerSettings:
        """Where method files and signed heads are."""
        ...

    @property
    def looker(self) -> Looker:
        """What rebuilds methods and looks at scans again."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Gathered:
    """What was kept of a result."""

    result: Result
    """The result."""
    identification: dict[str, Any]
    """Its answer."""
    screening: Screening
    """The visit it belongs to."""
    parcel: Parcel
    """The item it belongs to now."""
    scan: Path
    """File of the raw scan."""
    blank_id: str
    """Scan of the empty container; empty for none."""
    blank: Path | None
    """Its file; None for none, or where it is not kept."""
    records: dict[str, str]
    """Calibration records that the answer names and that are kept, by identifier."""
    verification: Verification | None
    """The verification that the answer names; None where it is not kept."""
    methods: list[tuple[MethodFile, Path]] = field(default_factory=list)
    """Files of its method that are kept, the oldest first."""

    @property
    def missing(self) -> tuple[str, ...]:
        """What the answer names and nobody brought, in words."""
        said = self.identification["provenance"]
        lacking = [f"calibration record {one[:12]}" for one in self._unkept_records()]
        if self.blank_id and self.blank is None:
            lacking.append(f"blank {self.blank_id[:12]}")
        if not self.methods:
            lacking.append(f"file of method {said['method']['name']} version {said['method']['version']}")
        return tuple(lacking)

    def _unkept_records(self) -> list[str]:
        wanted = cited_records(self.identification).values()
        return [name for name in wanted if name not in self.records]


def gather_result(store: Keeps, result_id: str) -> Gathered | None:
    """Find everything that was kept of a result by its id; None where there is no such result.

    The database is let go of: looking again takes a minute at worst, and a connection must not wait for it.
    """
    with store.database.read() as session:
        result = find_result(session, result_id)
        return None if result is None else gather(session, store, result)


def gather(session: Session, store: Keeps, result: Result) -> Gathered:
    """Find everything that was kept of a result."""
    said: dict[str, Any] = json.loads(result.identification)
    blank_id = _blank_of(session, store.archive, result)
    wanted = list(cited_records(said).values())
    rows = session.scalars(select(Calibration).where(Calibration.record_id.in_(wanted)))
    checked = said["provenance"]["calibration"].get("verification", "")
    check = select(Verification).where(Verification.scan_id == checked)
    kept = [(one, path_of(store.settings.methods_path, one.file_id)) for one in _files(session, result, said)]
    visit = session.scalars(select(Screening).where(Screening.screening_id == result.screening_id)).one()
    return Gathered(
        result=result,
        identification=said,
        screening=visit,
        # A link may have said since that it belongs to another item than when the result came.
        parcel=session.scalars(select(Parcel).where(Parcel.parcel_id == visit.parcel_id)).one(),
        scan=store.archive.path_of(result.scan_id),
        blank_id=blank_id,
        blank=store.archive.path_of(blank_id) if blank_id and blank_id in store.archive else None,
        records={one.record_id: one.record for one in rows},
        verification=session.scalar(check) if checked else None,
        methods=[(row, path) for row, path in kept if path.is_file()],
    )


def _files(session: Session, result: Result, said: dict[str, Any]) -> list[MethodFile]:
    """Return the files of a result's method, those of its own bench first: rows differ between processors."""
    found = files_of(session, str(said["provenance"]["method"]["digest"]))
    wanted = select(Event.actor).where(
        Event.subject == f"results/{result.result_id}", Event.type == "result.accepted"
    )
    actor = session.scalars(wanted.order_by(Event.seq)).first()
    return sorted(found, key=lambda one: f"token:{one.token_id}" != actor)


def _blank_of(session: Session, archive: Archive, result: Result) -> str:
    """Return the blank of a result's scan; of old scans the database does not know it, their files do."""
    row = find_scan(session, result.scan_id)
    if row is None or row.blank_id is None:
        return archive.get(result.scan_id).blank_id
    return row.blank_id
