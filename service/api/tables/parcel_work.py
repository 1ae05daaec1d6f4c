"""Tables of parcels at work: advance data, links, dispositions."""
