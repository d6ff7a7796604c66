"""Webhooks: endpoints, the events of changes, the deliveries of events, and the attempts."""
