"""What opens a screening."""

from pydantic import BaseModel, ConfigDict

from ..parcels.models import LabelBody
from .models import Bench, Site


class ScreeningBody(LabelBody):
    """An item on a bench."""

    bench: Bench
    site: Site = ""


class CompleteBody(BaseModel):
    """Nothing: the results say it all."""

    model_config = ConfigDict(extra="forbid")
