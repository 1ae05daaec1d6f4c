"""Tables of proof: legal holds, purges, what was sealed."""
