"""What is around every page of the bench: banners, who is signed in, what waits for the server."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from ..errors import ServiceError
from . import officer_words
from .drop_watching import is_folder
from .status import server_state

if TYPE_CHECKING:
    from .agent import Bench

PAGES = Path(__file__).parent / "pages"
_TEMPLATES = Environment(
    loader=FileSystemLoader(PAGES / "templates"), autoescape=True, undefined=StrictUndefined
)
_TEMPLATES.filters |= {"sentence": officer_words.sentence, "when": officer_words.when}

Answer = dict[str, Any]


def page(bench: "Bench", name: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Return a page of the bench in its frame."""
    method = bench.loaded_method
    devices = bench.devices.known()
    values.setdefault("training", method is not None and method.training)
    values["emulated"] = values.get("emulated") or any(device.emulated for device in devices)
    values["folders_here"] = any(is_folder(device.config) for device in devices)
    values["frame"] = _frame(bench)
    return HTMLResponse(_TEMPLATES.get_template(name).render(values), status_code=status)


def _frame(bench: "Bench") -> Answer:
    """Return what the line at the top says; its failure keeps no page, such as the red one, away."""
    told: Answer = {"bench": bench.name, "officer": "", "offered": False, "queue": None}
    try:
        told |= {"officer": bench.signing_in.officer, "offered": bench.signing_in.offered}
        told["queue"] = officer_words.queue_view(
            server_state(bench),
            bench.outbox.results_waiting(),
            refused=bench.outbox.counts()["refused"],
            aside=len(bench.outbox.aside()),
        )
    except ServiceError as error:
        told["queue"] = {"tone": "warn", "symbol": "!", "words": str(error)}
    return told
