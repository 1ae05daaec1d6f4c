"""Transports: how bytes travel to a device and back, and the record of every one of them."""

from .stream import ByteStream
from .transcript import Transcript

__all__ = ["ByteStream", "Transcript"]
