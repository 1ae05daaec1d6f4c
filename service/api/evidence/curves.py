"""The curves of a result, computed again from what was kept of it."""

from sqlalchemy.orm import Session

from ...errors import EvidenceDamaged, EvidenceMissing
from ..problems import Problem
from ..tables import Result
from .gather import Gathered, Keeps, gather
from .models import ResultCurves


def curves_of(store: Keeps, session: Session, result: Result) -> ResultCurves:
    """Return the curves of a result.

    They are computed in a process of its own (`service.evidence.looker`) from the raw scan, its blank, the
    calibration records and the method's file. What is missing is said; the scan alone is told then.

    Raises
    ------
    Problem
        Too many results are being looked at.
    """
    return curves_from(store, gather(session, store, result))


def curves_from(store: Keeps, found: Gathered) -> ResultCurves:
    """Return the curves of a result of which everything was gathered; raises as `curves_of`."""
    missing = found.missing
    question = {
        "do": "curves",
        "identification": found.identification,
        "scan": str(found.scan),
        "blank": "" if found.blank is None else str(found.blank),
        "records": list(found.records.values()),
        "methods": [str(path) for _, path in found.methods],
        "why": f"Not kept here: {', '.join(missing)}; only the scan can be drawn." if missing else "",
    }
    try:
        answer = store.looker.ask(question)
    except (EvidenceDamaged, EvidenceMissing) as error:
        answer = _nothing(f"Nothing can be drawn: {error}.")
    except TimeoutError as error:
        raise Problem("not_ready", str(error), headers={"Retry-After": "5"}) from error
    return ResultCurves.model_validate({"result_id": found.result.result_id, **answer})


def _nothing(why: str) -> dict[str, object]:
    empty: list[float] = []
    lacking = {"fit": None, "residual": None, "components": empty, "complete": False, "why": why}
    return {"axis_cm1": empty, "query": empty, "x_label": "cm⁻¹", **lacking}
