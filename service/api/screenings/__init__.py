"""Screenings: visits of a parcel to the benches, and what they found."""
