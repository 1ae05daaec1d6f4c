"""Screenings of the sandbox: opened by no bench, and no bench puts anything into them."""

#: Stands in place of the digest of an opening body in a screening that the sandbox opened.
SIMULATED = "simulated"


def is_simulated(opening: str) -> bool:
    """Whether a screening is one of the sandbox, by the digest of what opened it."""
    return opening == SIMULATED
