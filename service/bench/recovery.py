"""After a crash: scans that are in the archive and of which the server was never told.

A scan is archived before anything is computed and told of in one transaction, so that a kill at
any moment leaves one of three states: nothing measured, a scan without a result, or a result
that waits in the outbox. Only the middle one needs work.
"""

import logging
from typing import TYPE_CHECKING, Any

from calibration.errors import CalibrationError
from spectra.errors import SpectraError
from spectra.values import Role

from ..archive.journal import Archive, ArchivedScan
from ..errors import ServiceError
from . import flow
from .outbox import Outbox

if TYPE_CHECKING:
    from .agent import Bench

_log = logging.getLogger(__name__)


def unfinished(archive: Archive, outbox: Outbox) -> tuple[str, ...]:
    """Return the scans without a result, cheaply; blanks and the like are told apart later."""
    return tuple(scan_id for scan_id in archive.scan_ids() if not outbox.has_result(scan_id))


def recover(bench: "Bench", scan_ids: tuple[str, ...]) -> list[dict[str, Any]]:
    """Identify and queue what was left; the screening stays open, because nobody saw the verdict.

    Returns
    -------
    list of dict
        ``scan_id``, ``item`` and ``verdict`` or ``trouble`` of each scan that was taken up.
    """
    done = []
    for scan_id in scan_ids:
        try:
            scan = bench.archive.get(scan_id)
            if scan.role is not Role.SAMPLE or scan.aborted or not scan.screening_id:
                continue
            archived = ArchivedScan(scan_id, bench.archive.path_of(scan_id), scan)
            identification = flow.examine(bench, archived)
            flow.tell(bench, archived, identification, complete=False)
        except (ServiceError, SpectraError, CalibrationError) as error:
            # One damaged scan must not keep the others from the server; it stays where it is.
            _log.warning("scan %s could not be taken up again: %s", scan_id[:12], error)
            done.append({"scan_id": scan_id, "item": "", "trouble": str(error)})
        else:
            done.append({"scan_id": scan_id, "item": scan.item, "verdict": identification["verdict"]})
    return done
