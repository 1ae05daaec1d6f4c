"""Benches: what each reports of itself, and how the fleet stands."""
