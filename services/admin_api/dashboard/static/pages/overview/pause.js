// Pause the whole queue with a reason and an end, and end the pause.
import { html } from '../../core/html.js';
import { useCommands } from '../../core/commands.js';
import { useCan } from '../../core/session.js';
import { Button } from '../../parts/button.js';
import { rehearse } from '../../parts/rehearsal.js';

const pauseQueue = () =>
  rehearse({
    title: 'Pause the whole queue',
    verb: 'Pause',
    scope: 'jobs',
    method: 'POST',
    path: '/api/admin/queue/pause',
    body: {},
    reason: 'required',
    fields: [{ name: 'until', label: 'End', kind: 'time', hint: 'Empty: until it is resumed.' }],
    effect: 'No crawl starts during the pause. Running crawls continue, and enqueued jobs wait.',
    crawlctl: ['queue', 'pause'],
    done: () => 'The queue is paused',
  });

const resumeQueue = () =>
  rehearse({
    title: 'Resume the queue',
    verb: 'Resume',
    scope: 'jobs',
    method: 'POST',
    path: '/api/admin/queue/resume',
    body: {},
    effect: 'Jobs that waited for the end of the pause become claimable at once.',
    crawlctl: ['queue', 'resume'],
    done: () => 'The queue is resumed',
  });

export function PauseButton({ pause }) {
  const canChange = useCan('jobs');
  const [label, run] = pause ? ['Resume the queue', resumeQueue] : ['Pause the queue', pauseQueue];
  useCommands([canChange && { label, run }]);
  return html`<${Button} scope="jobs" icon=${pause ? 'play' : 'pause'} onClick=${run}>${label}<//>`;
}
