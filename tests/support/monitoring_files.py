"""The alerts and the dashboards in deploy/monitoring."""

import json
from typing import Any

import yaml

from support import images

MONITORING = images.ROOT / "deploy" / "monitoring"


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load((MONITORING / "alerts.yaml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def dashboards() -> dict[str, dict[str, Any]]:
    return {
        path.name: json.loads(path.read_text())
        for path in sorted((MONITORING / "dashboards").glob("*.json"))
    }


def expressions() -> list[str]:
    """Return the expressions of all alerts and of all panels."""
    return [alert["expr"] for alert in alerts()] + [
        target["expr"]
        for board in dashboards().values()
        for panel in board["panels"]
        for target in panel["targets"]
    ]
