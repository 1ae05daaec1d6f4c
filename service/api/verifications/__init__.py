"""Verifications: what benches found when they checked an instrument."""
