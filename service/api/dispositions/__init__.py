"""Dispositions: what a parcel system says became of a parcel."""
