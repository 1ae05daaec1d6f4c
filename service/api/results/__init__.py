"""Results: identifications in a screening, never changed."""
