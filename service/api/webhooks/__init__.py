"""Webhooks: events pushed to receivers, signed, in order, again and again until they are taken."""
