"""Scans: raw data in the archive, by content address."""
