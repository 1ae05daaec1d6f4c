"""The guide of ``opioscan library measure``: instrument, blank, replicates, quality control, draft.

Every scan goes through the bench agent, as that of a parcel does. The draft is written after each replicate:
whatever ends the guide, what was measured until then is in it.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import typer

from library.draft_json import read_draft, write_draft
from library.drafts import MAX_REPLICATES, Draft, Replicate, Sample, Session, has_expired
from library.errors import DraftError
from library.judging import Judgement, judge, judged, without_struck
from library.store import read_library
from library.substances import SubstanceTable

from ..archive.journal import Archive
from ..bench.notes import rfc3339_ms
from ..bench.refusals import NotVerified
from ..calibrations import Calibrations
from ..errors import UsageError
from ..reference_scans import added, begun, session_of, with_replicate
from .firing import questions, stages
from .measure_asked import Wanted, person_there, wait_for
from .output import emit_json, progress, say, warn
from .papers import now_utc
from .start import printable

if TYPE_CHECKING:
    from ..bench.client import BenchClient

#: Refused replicates after each other that end the guide: a third would be refused too. Chosen.
IN_A_ROW = 2


@dataclass(slots=True)
class Guide:
    """One run of the guide."""

    wanted: Wanted
    """What was asked for."""
    client: "BenchClient"
    """The bench agent."""
    archive: Archive
    """Where its scans are."""
    calibrations: Calibrations
    """Where the calibration records of its devices are."""
    draft: Draft | None = None
    """The draft as it is on disk; None before the first replicate of a new one."""
    digest: str = ""
    """Its digest; empty for a new one."""
    asked: dict[str, Any] = field(default_factory=dict)
    """Answers to the safety questions."""
    table: SubstanceTable = field(default_factory=SubstanceTable.shipped)
    """The substance table."""

    def run(self) -> Judgement:
        """Measure, and return what the draft amounts to.

        Raises
        ------
        DraftError
            The replicates cannot be used; the draft says why, and keeps them.
        """
        self._open()
        session = self._instrument()
        session = self._blank(session)
        with self._kept_on_interrupt():
            stopped = self._replicates(session)
        return self._judged(stopped)

    def _open(self) -> None:
        wanted = self.wanted
        folder = wanted.path.absolute().parent
        if not os.access(folder, os.W_OK | os.X_OK):
            raise UsageError(f"{folder}: there is no such folder, or nothing may be written there")
        if wanted.path.exists():
            draft, self.digest = read_draft(wanted.path)
            if draft.authenticated:
                raise DraftError(f"{wanted.path}: it became an entry already; begin a new draft")
            _check_same(draft.sample, wanted.sample)
            self.draft = replace(draft, sample=draft.sample.with_more(_facts(wanted.sample)))
        sample = self.draft.sample if self.draft else wanted.sample
        there = len(self.draft.replicates) if self.draft else 0
        if there + wanted.spots * wanted.replicates > MAX_REPLICATES:
            raise UsageError(f"a draft has at most {MAX_REPLICATES} replicates; it holds {there} already")
        if has_expired(sample, now_utc()):
            raise UsageError(f"lot {sample.lot} expired on {sample.expires}: nothing was fired")

    def _instrument(self) -> Session:
        wanted = self.wanted
        try:
            ready = self.client.ready_for_reference(wanted.device, training=wanted.training)
        except NotVerified as error:
            if not person_there():
                raise
            ready = self._verify(error)
        # A device of files tells which instrument it is by its first file; the draft is compared then.
        if self.draft is not None and ready["device"]:
            mine = f"{self.draft.device.model}/{self.draft.device.serial}"
            if ready["device"] != mine:
                raise DraftError(f"the draft was measured with {mine}, this is {ready['device']}")
        words = f"{ready['device'] or 'told by its first file'}, axis {ready['axis']}"
        self._tell("instrument", f"1 of 4  Instrument: {words} {ready['verified_at']}".rstrip(), **ready)
        if ready["axis"] not in ("verified", "unknown"):
            warn(f"the instrument's verification is {ready['axis']}: good for a training library only")
        self.asked = questions(self.client, wanted.device, item="")
        # Finer than a second: two sittings are told apart by it.
        return session_of(ready, rfc3339_ms(), wanted.operator, self.asked["asked_on"])

    def _verify(self, error: NotVerified) -> dict[str, Any]:
        sys.stderr.write(f"{printable(str(error))}\n")
        if not typer.confirm("Verify it now, with polystyrene?", err=True):
            raise error
        wait_for("Put the POLYSTYRENE standard before the probe, then press Enter.")
        asked = questions(self.client, self.wanted.device)
        with stages(self.client, self.wanted.device, "scanning polystyrene"):
            answer = self.client.verify(self.wanted.device, **asked)
        if answer["verdict"] == "no_verdict":
            raise NotVerified(f"the verification has no verdict: {answer['verification']['why']}")
        if not answer["passed"]:
            raise NotVerified("the verification failed: take the instrument out of use and recalibrate it")
        return self.client.ready_for_reference(self.wanted.device)

    def _blank(self, session: Session) -> Session:
        wanted = self.wanted
        if not wanted.take_blank:
            self._tell("blank", f"2 of 4  Blank: {wanted.blank or 'none'}", blank=wanted.blank, scan_id="")
            return replace(session, blank=wanted.blank)
        if person_there():
            wait_for("Put the EMPTY container before the probe, then press Enter.")
        fields = {**wanted.firing, **self.asked, "origin": wanted.origin}
        fields.pop("energetic", None)
        with stages(self.client, wanted.device, "scanning the empty container"):
            kept = self.client.blank(wanted.device, wanted.blank, **fields)
        self._tell(
            "blank", f"2 of 4  Blank: {wanted.blank}, kept", blank=wanted.blank, scan_id=kept["scan_id"]
        )
        wait_for("Now put the SAMPLE in the container before the probe, then press Enter.")
        return replace(session, blank=wanted.blank, blank_id=kept["scan_id"])

    def _replicates(self, session: Session) -> str:
        """Scan over spots; return why the guide stopped early, empty where it did not."""
        wanted, refused = self.wanted, 0
        for spot in range(1, wanted.spots + 1):
            if person_there() and not (spot == 1 and wanted.take_blank):
                where = "the SAMPLE" if spot == 1 else f"ANOTHER SPOT of the sample ({spot})"
                wait_for(f"Put {where} before the probe, then press Enter.")
            for number in range(1, wanted.replicates + 1):
                session, replicate = self._one(session, spot, number)
                refused = 0 if replicate.kept else refused + 1
                if refused == IN_A_ROW:
                    return f"{IN_A_ROW} replicates after each other were refused: {replicate.words}"
        return ""

    def _one(self, session: Session, spot: int, number: int) -> tuple[Session, Replicate]:
        wanted = self.wanted
        of = f"spot {spot} of {wanted.spots}, replicate {number} of {wanted.replicates}"
        with stages(self.client, wanted.device, of):
            answer = self.client.reference(
                wanted.device,
                wanted.sample.substance,
                spot=spot,
                replicate=number,
                blank=wanted.blank,
                training=wanted.training,
                **wanted.firing,
                **self.asked,
            )
        # A blank that was named, and an instrument known by its files only, are settled by the first scan.
        settled = {"blank_id": answer["blank_id"], "axis": answer["axis"]}
        facts = {key: answer[key] for key in ("verification_id", "verified_at")}
        session = replace(session, **settled, **facts)
        draft = self.draft or begun(
            self.archive, self.calibrations, answer["scan_id"], wanted.sample, wanted.resolution_cm1
        )
        place = {"spot": spot, "number": number}
        draft, replicate = added(self.archive, self.calibrations, draft, session, answer["scan_id"], place)
        replicate = judged(replicate, draft, self.table)
        self._keep(with_replicate(draft, replicate))
        seen = "" if replicate.snr is None else f", signal-to-noise {replicate.snr:.0f}"
        words = f"3 of 4  {of}: {'kept' if replicate.kept else 'REFUSED: ' + replicate.words}{seen}"
        self._tell("replicate", words, **_shown(replicate), archive_path=answer["archive_path"])
        return session, replicate

    def _judged(self, stopped: str) -> Judgement:
        assert self.draft is not None
        before = self.draft
        draft = without_struck(before, self.table)
        for one in draft.replicates:
            if one.words and one.scan_id not in {old.scan_id for old in before.replicates if old.words}:
                self._tell("left_out", f"{one.place}: REFUSED: {one.words}", **_shown(one))
        if not draft.kept:
            raise DraftError(f"{stopped or 'no replicate can be used'} (draft {self.wanted.path})")
        held = read_library(self.wanted.into).entries if self.wanted.into.exists() else ()
        with progress("quality control"):
            judgement = judge(draft, held=held, table=self.table)
        self._keep(draft, judgement.to_json())
        return judgement if not stopped else self._stop(stopped)

    def _stop(self, stopped: str) -> Judgement:
        raise DraftError(f"{stopped} The draft {self.wanted.path} keeps what was measured")

    def _keep(self, draft: Draft, figures: dict[str, Any] | None = None) -> None:
        self.digest = write_draft(self.wanted.path, draft, figures, after=self.digest)
        self.draft = draft

    def _tell(self, step: str, told: str, /, **facts: Any) -> None:
        if self.wanted.as_json:
            emit_json({"step": step, **facts})
        else:
            say(told)

    @contextmanager
    def _kept_on_interrupt(self) -> Iterator[None]:
        try:
            yield
        except KeyboardInterrupt:
            if self.draft is not None:
                words = f"the draft {self.wanted.path} holds {len(self.draft.kept)} usable replicate(s)"
                sys.stderr.write(f"opioscan: {printable(words)}; go on with --draft\n")
            raise


def _shown(one: Replicate) -> dict[str, Any]:
    return {
        "scan_id": one.scan_id,
        "spot": one.spot,
        "number": one.number,
        "kept": one.kept,
        "snr": None if one.snr is None else round(one.snr, 1),
        "saturated": one.saturated,
        "codes": list(one.refused),
        "words": one.words,
    }


def _facts(sample: Sample) -> dict[str, str]:
    return {name: getattr(sample, name) for name in sample.__slots__ if name != "substance"}


def _check_same(drafted: Sample, wanted: Sample) -> None:
    drafted.with_more({"substance": wanted.substance})
