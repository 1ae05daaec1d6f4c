"""Evidence: what a result was made from, gathered, carried elsewhere, and looked at again."""
