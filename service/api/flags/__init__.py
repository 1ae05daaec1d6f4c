"""Flags: results somebody has to look at again."""
