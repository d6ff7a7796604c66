// The selected subreddits: their path, and the actions on them.
import { html } from '../../core/html.js';
import { plural } from '../../core/format.js';
import { ROOT, hrefOf } from '../../core/router.js';
import { Button } from '../../parts/button.js';
import { SubredditLink } from '../../parts/links.js';
import { Section } from '../../parts/page.js';
import { openNewGroup } from '../groups/new_group.js';
import { openEnqueue } from '../jobs/enqueue.js';

const SHOWN = 30;

export function Chosen({ chosen, index, path, clear }) {
  if (chosen.length === 0) {
    return html`<p class="quiet">Select subreddits in the graph or in the table, to enqueue them, to make a group of them, or to find the path between two of them.</p>`;
  }
  const names = chosen.map((id) => index.byId.get(id).name);
  const enqueue = () => openEnqueue({ names: names.join('\n') }).then((sent) => sent && clear());
  const actions = html`<${Button} kind="small primary" scope="jobs" onClick=${enqueue}>Enqueue<//>
    <${Button} kind="small" scope="jobs" onClick=${() => openNewGroup({ names: names.join('\n') })}>Make a group<//>
    ${chosen.length === 1 && html`<a class="button small" href=${hrefOf(`${ROOT}/map`, { around: names[0] })}>Show its neighbourhood</a>`}
    <${Button} kind="small quiet" onClick=${clear}>Clear<//>`;
  return html`<${Section} title=${`${plural(chosen.length, 'subreddit')} selected`} actions=${actions}>
    <ul class="chips">
      ${names.slice(0, SHOWN).map((name) => html`<li class="chip" key=${name}><${SubredditLink} name=${name} /></li>`)}
      ${names.length > SHOWN && html`<li class="chip">${names.length - SHOWN} more</li>`}
    </ul>
    ${chosen.length === 2 && html`<${Path} path=${path} index=${index} />`}
  <//>`;
}

function Path({ path, index }) {
  if (path === null) return html`<p class="quiet" role="status">The shown links have no path between these two.</p>`;
  return html`<p role="status">Path over ${plural(path.length - 1, 'link')}: ${path.map((id) => `r/${index.byId.get(id).name}`).join(' – ')}</p>`;
}
