"""Screenings of the sandbox: opened by no bench, and no bench puts anything into them."""

from ..tables import Screening

#: Stands in place of the digest of an opening body in a screening that the sandbox opened.
SIMULATED = "simulated"


def is_simulated(screening: Screening) -> bool:
    """Whether a screening is one of the sandbox."""
    return screening.body_digest == SIMULATED
