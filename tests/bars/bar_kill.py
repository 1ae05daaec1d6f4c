"""An agent that is killed at random moments of scan and post: nothing lost, nothing doubled, the laser off.

Only the agent is killed; its guardian, the server and the emulated devices go on.
"""

import hashlib
import random
import statistics
import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from figures import Sheet, progress, run
from station import Station, bench_url, ended, shipped_sample, wait_until

from service.archive.journal import Archive
from service.bench.client import BenchClient
from service.bench.operations import result_id
from service.errors import ArchiveError
from spectra.values import Role, Scan

KILLS = 50
#: Most of a cycle is measuring; so many more kills meet what follows: archive, identification, outbox, post.
LATE_KILLS = 25
SPEED = 10.0
LIMIT_S = 2.0
#: So long the agent stays dead, so that the guardian alone has to turn the laser off, s.
DEAD_S = 2.2
#: The scan's command has to notice within this time that its agent is gone, s.
NOTICE_S = 30.0
SCAN_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Kill:
    """One kill and what it met."""

    at_s: float
    """How long after the agent took up the scan; for a late kill, after the scan was in the archive."""
    stage: str
    """What the kill left."""
    lit: bool
    """Whether the laser was on."""
    dark_s: float
    """From the kill to the laser's going off, by its own log."""
    noticed_s: float
    """From the kill to the end of ``opioscan scan``."""
    code: int
    """Exit code of ``opioscan scan``."""
    ready_s: float
    """From the agent's restart until it had recovered and sent everything."""


class Life:
    """A station whose agent is killed again and again."""

    def __init__(self, station: Station, device: str) -> None:
        self.station = station
        self.device = device
        self.kept: set[str] = set()
        """Every scan ever seen in the archive."""

    def cycle(self, item: str) -> tuple[float, float]:
        """Scan undisturbed.

        Returns
        -------
        tuple of float
            Time from the agent's taking the scan up to the posted answer, and the part of it that
            follows the archiving, s.
        """
        before = self._archived()
        process = self.station.scan(self.device, item)
        began = self._taken_up(process)
        archived = self._in_archive(process, before)
        _, said = ended(process, SCAN_WITHIN_S)
        if process.returncode or "is with the server" not in said:
            raise RuntimeError(f"an undisturbed scan failed, exit {process.returncode}: {said[-1000:]}")
        now = time.monotonic_ns()
        return (now - began) / 1e9, (now - archived) / 1e9

    def kill(self, item: str, after_s: float, *, late: bool = False) -> Kill:
        """Start a scan, kill the agent after a time, and let a new one recover."""
        agent, light = self.station.agent, self.station.light
        assert agent is not None
        before = self._archived()
        process = self.station.scan(self.device, item)
        began = self._in_archive(process, before) if late else self._taken_up(process)
        time.sleep(max(0.0, after_s - (time.monotonic_ns() - began) / 1e9))
        lit = light.is_on
        killed = time.monotonic_ns()
        agent.kill()
        ended(process, NOTICE_S)
        noticed = (time.monotonic_ns() - killed) / 1e9
        time.sleep(max(0.0, DEAD_S - (time.monotonic_ns() - killed) / 1e9))
        wait_until(lambda: not light.is_on, 30.0, "the laser went off")
        dark = light.dark_after(killed) or 0.0
        after = self._archived()
        stage = self._stage(after - before)
        self.kept |= before | after
        restarted = time.monotonic()
        self.station.start_agent()
        self.station.wait_ready()
        ready = time.monotonic() - restarted
        self.kept |= self._archived()
        return Kill(after_s, stage, lit, dark, noticed, process.returncode, ready)

    def _taken_up(self, process: "subprocess.Popen[str]") -> int:
        """Wait until the agent works on the scan, and return when that was seen, ns."""
        with BenchClient.connect(self.station.settings, start=False) as client:

            def begun() -> bool:
                return process.poll() is not None or any(one["busy"] for one in client.status()["devices"])

            wait_until(begun, 30.0, "the agent took up the scan", every_s=0.01)
        return time.monotonic_ns()

    def _in_archive(self, process: "subprocess.Popen[str]", before: set[str]) -> int:
        """Wait until a new scan is in the archive, and return when that was seen, ns."""

        def begun() -> bool:
            return process.poll() is not None or self._archived() != before

        wait_until(begun, SCAN_WITHIN_S, "the scan was archived", every_s=0.005)
        return time.monotonic_ns()

    def _archived(self) -> set[str]:
        return set(self.station.archive.scan_ids())

    def _stage(self, new: set[str]) -> str:
        if not new:
            return "before the archive"
        outbox = self.station.outbox
        if not all(outbox.has_result(scan_id) for scan_id in new):
            return "archived, not told"
        return "told, not all sent" if outbox.counts()["pending"] else "all sent"


def measure(sheet: Sheet) -> None:
    """Kill the agent fifty times, then compare archive, outbox and server."""
    moments = random.Random(20261121)
    with Station(sheet.work, speed=SPEED) as station:
        laser = station.start_laser()
        device = bench_url(station.start_spectrometer(shipped_sample(sheet.work, "ibuprofen")), laser)
        station.start_server()
        station.start_agent()
        station.wait_ready()
        life = Life(station, device)
        life.cycle("FIRST")
        cycles = [life.cycle(f"CYCLE-{number}") for number in range(3)]
        length = statistics.median(whole for whole, _ in cycles)
        tail = statistics.median(after for _, after in cycles)
        progress(f"a cycle takes {length:.2f} s, {tail:.2f} s of it after the archiving")
        kills = []
        for number in range(KILLS + LATE_KILLS):
            late = number >= KILLS
            moment = moments.uniform(0.0, tail if late else length)
            kills.append(life.kill(f"KILL-{number}", moment, late=late))
            progress(f"{number + 1}/{KILLS + LATE_KILLS}: {kills[-1]}")
        life.cycle("LAST")
        station.wait_ready()
        sheet.facts |= {"cycles_s": cycles, "kills": [repr(kill) for kill in kills]}
        _tell_stages(sheet, f"{KILLS} kills over a cycle of {length:.2f} s met", kills[:KILLS])
        _tell_stages(sheet, f"{LATE_KILLS} more over its last {tail:.2f} s met", kills[KILLS:])
        _tell_kills(sheet, kills)
        _compare(sheet, station, life.kept)


def _tell_stages(sheet: Sheet, what: str, kills: list[Kill]) -> None:
    stages = Counter(kill.stage for kill in kills)
    sheet.tell(what, ", ".join(f"{count} {stage}" for stage, count in stages.most_common()))


def _tell_kills(sheet: Sheet, kills: list[Kill]) -> None:
    sheet.tell("kills while the laser was on", f"{sum(kill.lit for kill in kills)}")
    sheet.at_most("kill to laser off by its own log, longest", LIMIT_S, max(kill.dark_s for kill in kills))
    sheet.tell("kill to the end of opioscan scan, longest", f"{max(kill.noticed_s for kill in kills):.2f} s")
    sheet.tell("exit codes of opioscan scan", str(dict(Counter(kill.code for kill in kills))))
    ready = [kill.ready_s for kill in kills]
    sheet.tell(
        "restart to recovered and sent",
        f"median {statistics.median(ready):.1f} s, longest {max(ready):.1f} s",
    )


def _compare(sheet: Sheet, station: Station, kept: set[str]) -> None:
    bad, scans = _read_all(station.settings.archive_dir, station.archive)
    sheet.none_of("archived scans unreadable or with a wrong digest", bad)
    sheet.none_of("archived scans lost", sorted(kept - set(scans)))
    complete = {name for name, scan in scans.items() if scan.role is Role.SAMPLE and not scan.aborted}
    results = station.results()
    posted = Counter(str(result["scan_id"]) for result in results)
    sheet.tell("complete sample scans, and results on the server", f"{len(complete)}, {len(results)}")
    sheet.none_of("complete sample scans without a result", sorted(complete - set(posted)))
    twice = [name for name, count in posted.items() if count > 1]
    sheet.none_of("scans with more than one result", sorted(twice))
    sheet.none_of("results without their scan", sorted(set(posted) - complete))
    misnamed = [r["result_id"] for r in results if r["result_id"] != result_id(r["scan_id"])]
    sheet.none_of("results under another id than their scan's", misnamed)
    server_bad, on_server = _read_all(station.settings.server_scans, Archive(station.settings.server_scans))
    missing = sorted(complete - set(on_server))
    sheet.none_of("scans missing or damaged on the server", server_bad + missing)
    counts = station.outbox.counts()
    left = [f"{counts[state]} {state}" for state in ("pending", "refused") if counts[state]]
    sheet.none_of("operations left or refused in the outbox", left)
    leftovers = list(station.settings.archive_dir.glob("*/.*"))
    sheet.tell("temporary files of killed writers, to be swept after an hour", str(len(leftovers)))


def _read_all(folder: Path, archive: Archive) -> tuple[list[str], dict[str, Scan]]:
    """Read every file of an archive; the digest is taken here, not by the archive itself."""
    bad, scans = [], {}
    for path in sorted(folder.glob("*/[!.]*")):
        if hashlib.sha256(path.read_bytes()).hexdigest() != path.stem:
            bad.append(f"{path.name}: digest")
            continue
        try:
            scans[path.stem] = archive.get(path.stem)
        except ArchiveError as error:
            bad.append(f"{path.name}: {error}")
    return bad, scans


if __name__ == "__main__":
    run(measure)
