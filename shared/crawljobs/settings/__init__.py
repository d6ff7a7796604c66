"""The settings of all services. A service reads each setting once, at startup.

An error names the setting that is wrong.
"""

from crawljobs.settings.admin_api import AdminApiSettings, read_admin_api_settings
from crawljobs.settings.content import (
    ExportSettings,
    RetentionSettings,
    read_content_key,
    read_export_settings,
    read_retention_settings,
)
from crawljobs.settings.crawl import CrawlSettings, read_crawl_settings
from crawljobs.settings.database import DatabaseSettings, read_database_settings
from crawljobs.settings.logs import LogSettings, read_instance_name, read_log_settings
from crawljobs.settings.misspelt import misspelt
from crawljobs.settings.networks import Network
from crawljobs.settings.outbound import (
    ConnectionSettings,
    OutboundProxy,
    OutboundSettings,
    read_connection_settings,
    read_outbound_settings,
)
from crawljobs.settings.probes import ProbeAddress, read_probe_address
from crawljobs.settings.queue import QueueSettings, read_max_retries, read_queue_settings
from crawljobs.settings.reddit import RedditSettings, read_reddit_settings
from crawljobs.settings.revisit import (
    DeletionCheckSettings,
    RevisitSettings,
    read_deletion_check_settings,
    read_revisit_settings,
)
from crawljobs.settings.roles import RoleSettings, read_role_settings
from crawljobs.settings.scheduler import SchedulerSettings, read_scheduler_settings
from crawljobs.settings.tracing import TracingSettings, read_tracing_settings
from crawljobs.settings.webhooks import WebhookSettings, read_webhook_settings

__all__ = [
    "AdminApiSettings",
    "ConnectionSettings",
    "CrawlSettings",
    "DatabaseSettings",
    "DeletionCheckSettings",
    "ExportSettings",
    "LogSettings",
    "Network",
    "OutboundProxy",
    "OutboundSettings",
    "ProbeAddress",
    "QueueSettings",
    "RedditSettings",
    "RetentionSettings",
    "RevisitSettings",
    "RoleSettings",
    "SchedulerSettings",
    "TracingSettings",
    "WebhookSettings",
    "misspelt",
    "read_admin_api_settings",
    "read_connection_settings",
    "read_content_key",
    "read_crawl_settings",
    "read_database_settings",
    "read_deletion_check_settings",
    "read_export_settings",
    "read_instance_name",
    "read_log_settings",
    "read_max_retries",
    "read_outbound_settings",
    "read_probe_address",
    "read_queue_settings",
    "read_reddit_settings",
    "read_retention_settings",
    "read_revisit_settings",
    "read_role_settings",
    "read_scheduler_settings",
    "read_tracing_settings",
    "read_webhook_settings",
]
