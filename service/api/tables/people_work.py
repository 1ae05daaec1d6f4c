"""Tables of people's work: operations, reviews, measures."""
