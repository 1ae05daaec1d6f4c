"""What steps compute, as it was when each was written: never changed, and importing nothing that may be.

Where a rule changes later, a later step makes anew what these made.
"""
