// The numbers of subreddits in the six classes of lateness. Each one is a filter of the list.
import { html } from '../../core/html.js';
import { number } from '../../core/format.js';
import { ROOT, hrefOf } from '../../core/router.js';
import { LATENESS, latenessTone } from '../../parts/freshness.js';
import { Card, Cards } from '../../parts/page.js';
import { Parts } from '../../parts/progress.js';

export function LatenessCards({ counts, chosen }) {
  const { by_lateness: by, at_least: atLeast } = counts;
  const parts = LATENESS.map(([name, label]) => ({ label, value: by[name] ?? 0, tone: latenessTone(name) }));
  return html`<div class="stack">
    <${Parts} parts=${parts} label="Subreddits by lateness" legend=${false} />
    <${Cards}>
      ${LATENESS.map(
        ([name, label, meaning]) => html`<${Card} key=${name} title=${label} note=${meaning} tone=${by[name] > 0 ? latenessTone(name) : 'muted'}
          value=${`${number(by[name] ?? 0)}${atLeast.includes(name) ? '+' : ''}`}
          href=${hrefOf(`${ROOT}/subreddits`, { lateness: name === chosen ? null : name })} />`,
      )}
    <//>
  </div>`;
}
