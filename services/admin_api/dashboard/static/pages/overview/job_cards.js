// The numbers of jobs by state, and the rates of the last hour. Each card leads to its list.
import { html } from '../../core/html.js';
import { duration, number, percent, title } from '../../core/format.js';
import { ROOT, hrefOf } from '../../core/router.js';
import { Card, Cards } from '../../parts/page.js';

const STATES = ['waiting', 'queued', 'crawling', 'failed', 'succeeded', 'cancelled'];

function StateCard({ state, jobs }) {
  const count = `${number(jobs.by_status[state])}${jobs.capped.includes(state) ? '+' : ''}`;
  const notes = {
    queued: jobs.oldest_queued_seconds > 0 && `oldest: ${duration(jobs.oldest_queued_seconds)}`,
    crawling: jobs.longest_crawl_seconds > 0 && `longest: ${duration(jobs.longest_crawl_seconds)}`,
  };
  return html`<${Card} title=${title(state)} value=${count} note=${notes[state] || null}
    href=${hrefOf(`${ROOT}/jobs`, { status: state })}
    tone=${state === 'failed' && jobs.by_status.failed > 0 ? 'bad' : 'neutral'} />`;
}

export function JobCards({ jobs, conditions }) {
  const { recent } = jobs;
  const isHigh = conditions.some(({ code }) => code === 'failure_rate');
  return html`<${Cards}>
    ${STATES.map((state) => html`<${StateCard} key=${state} state=${state} jobs=${jobs} />`)}
    <${Card} title="Finished a minute" value=${recent.finished_per_minute === null ? '–' : recent.finished_per_minute.toFixed(1)}
      note=${`${number(recent.sampled)} jobs in ${duration(recent.observed_seconds)}`} />
    <${Card} title="Failure rate" value=${percent(recent.failure_rate)} tone=${isHigh ? 'bad' : 'neutral'}
      note="of the jobs that ended" href=${hrefOf(`${ROOT}/jobs`, { status: 'failed', sort: '-finished_at' })} />
    <${Card} title="Wait for a worker" value=${duration(recent.wait_seconds_p50)}
      note=${recent.wait_seconds_p95 === null ? 'no claims yet' : `95% at most ${duration(recent.wait_seconds_p95)}`} />
  <//>`;
}
