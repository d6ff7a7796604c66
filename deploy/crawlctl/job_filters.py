"""The options that select jobs, for the list of jobs and for bulk changes."""

from crawlctl.list_options import Filter

JOB_FILTERS = (
    Filter("status", "The state: waiting, queued, crawling, succeeded ...", many=True),
    Filter("subreddit", "The subreddit."),
    Filter("schedule_id", "The schedule that enqueued the job.", "number"),
    Filter("group_id", "A group whose steps follow the job.", "number"),
    Filter("source", "The origin: user, schedule, discovery ...", many=True),
    Filter("priority_min", "The lowest priority.", "number"),
    Filter("priority_max", "The highest priority.", "number"),
    Filter("error_kind", "The kind of the last error."),
    Filter("error", "A part of the last error's text."),
    Filter("created_after", "The earliest creation, such as 2h.", "time"),
    Filter("created_before", "Created before this time.", "time"),
    Filter("finished_after", "The earliest end.", "time"),
    Filter("finished_before", "Finished before this time.", "time"),
    Filter("worker", "The worker that crawls the job now."),
    Filter("incomplete", "Whether the crawl gave up a part.", "flag"),
)
