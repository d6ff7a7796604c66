"""Webhooks: endpoints, the events of changes, their deliveries and the attempts."""
