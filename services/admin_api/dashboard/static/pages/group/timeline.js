// The time line of a group: how many steps had ended at each time.
import { html, useMemo } from '../../core/html.js';
import { Chart } from '../../parts/chart.js';
import { Facts } from '../../parts/page.js';
import { Time } from '../../parts/time.js';
import { Eta, Pace } from '../groups/progress.js';

export function Timeline({ group }) {
  const { burn_up: points, progress } = group;
  const { times, series } = useMemo(() => chartOf(points, group.steps), [points, group.steps]);
  return html`
    <${Facts} items=${[
      ['From', html`<${Time} at=${group.started_at ?? group.created_at} />`],
      group.finished_at ? ['Finished', html`<${Time} at=${group.finished_at} />`] : ['Expected end', html`<${Eta} group=${group} />`],
      ['Steps by time', html`<${Pace} progress=${progress} />`],
    ]} />
    <${Chart} title="Ended steps over time" kind="line" height=${240} times=${times} series=${series} />
    ${!group.is_whole && html`<p class="quiet">The ended steps are counted from 10,000 of the steps.</p>`}
  `;
}

function chartOf(points, steps) {
  return {
    times: points.map(({ at }) => Date.parse(at) / 1000),
    series: [
      { label: 'Ended', values: points.map(({ done }) => done), tone: 'accent' },
      { label: 'Without success', values: points.map(({ failed }) => failed), tone: 'bad' },
      { label: 'All steps', values: points.map(() => steps), tone: 'muted' },
    ],
  };
}
