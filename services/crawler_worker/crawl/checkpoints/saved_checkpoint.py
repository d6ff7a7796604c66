"""Reads the checkpoint that an earlier attempt has saved in the row of the job."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Any

from crawler_worker.crawl import tree as trees
from crawler_worker.crawl.checkpoints import saved_values
from crawler_worker.crawl.checkpoints.checkpoint import VERSION, Checkpoint
from crawler_worker.crawl.checkpoints.forecast import PHASES
from crawler_worker.crawl.checkpoints.seen_ids import Seen
from crawler_worker.reddit import crawl_failures
from crawljobs.domain import untrusted_text
from crawljobs.domain.job import ErrorKind

_COUNTS = ("page", "posts", "comments", "authors", "requests", "given_up", "empty_pages", "unclear")


class UnreadableCheckpoint(crawl_failures.CrawlFailure):
    """The saved checkpoint has another version or is damaged, so no crawl can continue from it."""

    kind = ErrorKind.PERMANENT


def read(saved: dict[str, Any] | None) -> Checkpoint:
    """Return the checkpoint in `saved`. None gives a new checkpoint. Raises
    UnreadableCheckpoint."""
    if saved is None:
        return Checkpoint()
    if saved.get("v") != VERSION:
        raise UnreadableCheckpoint(f"checkpoint of version {saved.get('v')!r}, expected {VERSION}")
    known = {field.name for field in fields(Checkpoint)}
    values = {name: value for name, value in saved.items() if name in known}
    try:
        read_back = Checkpoint(
            **{
                **values,
                "busiest": tuple((str(post), int(n)) for post, n in values.get("busiest") or ()),
                "tree": trees.read(values.get("tree")),
                "forecast": saved_values.forecast(values.get("forecast")),
                "anchors": saved_values.anchors(values.get("anchors")),
                "histories": saved_values.names(values.get("histories")),
                "whole": values.get("whole") is True,
                "described_as": saved_values.access(values.get("described_as")),
                "seen": Seen(values.get("seen") or "").text,
                "posts_walk": saved_values.walk(values.get("posts_walk")),
                "comments_walk": saved_values.walk(values.get("comments_walk")),
                "gaps": saved_values.gaps(values.get("gaps")),
                "missing": saved_values.missing(values.get("missing")),
            }
        )
        _check(read_back)
    except (TypeError, ValueError, KeyError) as error:
        raise UnreadableCheckpoint(f"damaged checkpoint: {error}") from error
    return read_back


def _check(checkpoint: Checkpoint) -> None:
    if checkpoint.phase not in PHASES:
        raise ValueError(f"unknown phase {checkpoint.phase!r}")
    if not all(isinstance(getattr(checkpoint, name), int) for name in _COUNTS):
        raise ValueError("a count is no number")
    for mark in (checkpoint.newest_post, checkpoint.newest_comment):
        if mark is not None and untrusted_text.base36(mark) is None:
            raise ValueError("a mark is no id")
    for time in (checkpoint.cursor_at, checkpoint.asked_at):
        if time is not None and datetime.fromisoformat(time).tzinfo is None:
            raise ValueError("a time has no zone")
