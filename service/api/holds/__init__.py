"""Legal holds: personal data of a parcel that retention must leave alone."""
