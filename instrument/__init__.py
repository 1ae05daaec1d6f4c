"""Instruments: transports, drivers, guardian, acquisition and emulators."""
