"""Operations: planned pieces of screening, with a baseline and targets."""
