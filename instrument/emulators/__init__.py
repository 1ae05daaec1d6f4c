"""Emulated devices: programs of their own that speak the real wire protocol."""

from .program import main

__all__ = ["main"]
