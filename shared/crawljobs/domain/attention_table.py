"""The table of all conditions that need attention. The overview, the documents and tests read it.

A condition with an alert has the severity and the limit of this alert in
deploy/monitoring/alerts.yaml. The overview shows a condition at once, while an alert waits for the
time in its `for:`. A cause is above its effects in the table.
"""

from __future__ import annotations

from crawljobs.domain import attention_critical, attention_queue, attention_records

CONDITIONS = (
    *attention_critical.CRITICAL,
    *attention_queue.QUEUE,
    *attention_records.RECORDS,
    *attention_records.NOTICES,
)

# The alerts that have no condition in the table, each with the reason.
ALERTS_ALONE = {
    "CrawlDatabaseGone": "The API itself answers 503 while the database does not answer.",
    "CrawlMetricsAbsent": "Only Prometheus can notice that it has no metrics.",
    "CrawlDatabaseGrows": "The growth of a day needs the history of the size.",
    "CrawlRedditFails": "The workers pause when half of the replies fail: `reddit_paused`.",
    "CrawlApiErrors": "A counter of the processes of the API.",
    "CrawlAuthFailures": "A counter of the processes of the API.",
    "CrawlAuditUnusual": "A counter of the processes of the API.",
}
