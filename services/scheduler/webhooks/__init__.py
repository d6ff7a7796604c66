"""The deliverer of webhooks: claims deliveries, sends them and records the answers."""
