"""Steps that build and change the database, applied when it is opened."""
