"""Crawls the subreddit of a claimed job, and submits the completion to the completion writer."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from functools import partial

from crawler_worker.claims import crawl_trace, stopped_crawl
from crawler_worker.claims.completion_writer import CompletionWriter
from crawler_worker.claims.held_claim import HeldClaim
from crawler_worker.claims.lease_keeper import LeaseKeeper
from crawljobs import errors
from crawljobs.domain import completion
from crawljobs.domain.attempt import AttemptOutcome
from crawljobs.domain.completion import Completion
from crawljobs.domain.retry import RetryPolicy
from crawljobs.runtime import logs, tracing

log = logs.get_logger(__name__)

Crawl = Callable[[HeldClaim], str]  # crawls one subreddit, and returns its outcome or raises


class ClaimRunner:
    """Crawls claimed jobs. The lease keeper extends each claim until its completion is written."""

    def __init__(
        self,
        crawl: Crawl,
        *,
        writer: CompletionWriter,
        keeper: LeaseKeeper,
        retry: RetryPolicy,
        stopping: threading.Event,
    ) -> None:
        self.crawl = crawl
        self._writer = writer
        self._keeper = keeper
        self._retry = retry
        self._stopping = stopping

    def run(self, held: HeldClaim) -> None:
        """Crawl the subreddit in the calling thread, and submit the completion to the writer."""
        span, done = crawl_trace.begin(held), None
        try:
            with tracing.within(span):
                done = self._completion_of(held, span)
        finally:
            if done is None:
                self._finish_claim(held, span, crawl_trace.LOST)
        if done is not None:
            self._writer.submit(held, done, partial(self._on_completion_written, held, span))

    def release(self, held: HeldClaim) -> None:
        """Submit the release of a claim whose crawl may still run.

        After the release, the check of the claim token refuses every write of this crawl.
        """
        self._writer.submit(
            held, completion.released(held.claim), partial(self._on_release_written, held)
        )

    def _completion_of(self, held: HeldClaim, span: tracing.Span) -> Completion | None:
        """Crawl the subreddit. Return the claim's Completion, or None if the claim is lost.

        An error of the crawl also becomes a Completion.
        """
        claim = held.claim
        if logs.are_written(logging.INFO):
            log.info(
                "job.claimed",
                job_id=claim.job_id,
                subreddit=claim.subreddit,
                priority=claim.priority,
                retry_count=claim.retry_count,
            )
        if self._stopping.is_set():
            held.interrupt()
        try:
            return completion.completed(claim, self.crawl(held))
        except errors.ClaimLost:
            log.warning("claim.lost", job_id=claim.job_id)
            held.mark_lost()
            return None
        except Exception as error:  # catches bugs too, because each claim must be completed
            if not isinstance(error, errors.CrawljobsError):
                log.exception("job.crashed", job_id=claim.job_id)
            done = stopped_crawl.completion_after(error, claim, self._retry)
            if done.attempt is AttemptOutcome.FAILED:
                span.fail(type(error).__name__)
            return done

    def _on_completion_written(
        self, held: HeldClaim, span: tracing.Span, done: Completion, is_written: bool
    ) -> None:
        if is_written:
            stopped_crawl.log_completion(done, span)
        self._finish_claim(held, span, done.attempt if is_written else crawl_trace.LOST)

    def _finish_claim(self, held: HeldClaim, span: tracing.Span, outcome: str) -> None:
        self._keeper.drop(held)
        crawl_trace.finish(span, outcome)

    def _on_release_written(self, held: HeldClaim, done: Completion, is_written: bool) -> None:
        self._keeper.drop(held)
        if is_written:
            with crawl_trace.release_span(held) as span:
                stopped_crawl.log_completion(done, span)
