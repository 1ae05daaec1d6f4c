"""Drivers: one module for each family of devices. `instrument.registry` finds them by URL."""
