"""Calibration records and daily verification: how raw counts become a trusted axis."""
