"""Audit: signed heads of the chain over the wire."""
