"""What must never happen under a fault."""


class Wrong(Exception):
    """A driver returned what the emulator did not do; worse than any error."""
