"""A legal hold, as its reader sees it."""

from ..tables import LegalHold
from .models import LegalHoldView


def view_hold(hold: LegalHold) -> LegalHoldView:
    """Return a legal hold as it goes over the wire."""
    return LegalHoldView.model_validate({name: getattr(hold, name) for name in LegalHoldView.model_fields})
