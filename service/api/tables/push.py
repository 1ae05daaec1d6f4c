"""Tables of pushing: webhooks and what is to be delivered."""
