"""Measures: what screening achieves, counted as it happens and held against a baseline."""
