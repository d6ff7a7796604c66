// The part of a form that makes steps: pasted names with an order, own upstreams, or JSON.
import { html } from '../../core/html.js';
import { number } from '../../core/format.js';
import { Field } from '../../parts/form.js';
import { MOST_ROWS, jsonOf, rowsOf, stepsOf } from './step_lines.js';

const LONGEST = 4_000_000; // characters; the API accepts 4 MiB
const ORDERS = [
  { value: 'together', label: 'At the same time' },
  { value: 'chain', label: 'One after the other' },
  { value: 'last', label: 'The last one after all others' },
];
const POLICIES = [
  { value: 'cancel', label: 'Skip the step' },
  { value: 'proceed', label: 'Start it all the same' },
  { value: 'hold', label: 'Hold it for a decision' },
];
const OUTCOMES = [
  { value: 'any', label: 'Any end of the crawl' },
  { value: 'crawled', label: 'The subreddit can be read' },
  { value: 'complete', label: 'Read, and no part is missing' },
];

export const EMPTY_STEPS = { mode: 'names', names: '', order: 'together', after: {}, policy: 'cancel', outcome: 'any', priority: null, json: '' };

export function StepsForm({ form }) {
  const { values, set } = form;
  const choose = (mode) => {
    if (mode === 'json' && values.names.trim()) set('json', jsonOf(stepsOf({ ...values, mode: 'names' }).steps));
    set('mode', mode);
  };
  return html`
    <fieldset class="modes"><legend class="field-label">Steps</legend>
      <div class="segments">
        ${[['names', 'From names'], ['json', 'From JSON']].map(([mode, label]) => html`<label key=${mode}>
          <input type="radio" name="mode" checked=${values.mode === mode} onChange=${() => choose(mode)} /><span>${label}</span>
        </label>`)}
      </div>
    </fieldset>
    ${values.mode === 'json' ? html`<${FromJson} form=${form} />` : html`<${FromNames} form=${form} />`}
  `;
}

const withError = (form, name) => ({ ...form, errors: { ...form.errors, [name]: form.errors.steps } });

const FromJson = ({ form }) => html`<${Field} form=${withError(form, 'json')} name="json" kind="area" rows=${12} max=${LONGEST} label="JSON" required
  hint='A list of steps: [{"subreddit": "golang"}, {"subreddit": "rust", "after": ["golang"]}]' />`;

function FromNames({ form }) {
  const rows = rowsOf(form.values);
  const hasWaits = rows.some((row) => row.after !== '');
  return html`
    <${Field} form=${withError(form, 'names')} name="names" kind="area" rows=${4} max=${LONGEST} label="Subreddits" required
      hint="Up to 10,000 names separated by blanks, commas or lines." />
    <${Field} form=${form} name="order" kind="choice" label="Order" options=${ORDERS} />
    ${rows.length > 1 && html`<${Upstreams} form=${form} rows=${rows} />`}
    ${hasWaits && html`<${Field} form=${form} name="policy" kind="choice" label="If a crawl before it does not succeed" options=${POLICIES} />`}
    <${Field} form=${form} name="outcome" kind="choice" label="A step succeeds with" options=${OUTCOMES} />
    <${Field} form=${form} name="priority" kind="number" min=${0} max=${100} label="Priority" hint="0 to 100; empty: 60." />
  `;
}

function Upstreams({ form, rows }) {
  const { after } = form.values;
  const change = (name, text) => form.set('after', { ...after, [name]: text });
  return html`<details class="upstreams">
    <summary>Upstreams of each step</summary>
    <p class="field-hint">Names of other steps, "job 7" or "group 3", separated by commas; "all" is each other step.</p>
    <ul>
      ${rows.slice(0, MOST_ROWS).map(({ name, after: text }) => html`<li key=${name}>
        <label><span>${name} after</span>
          <input type="text" autocomplete="off" spellcheck="false" value=${text} onInput=${(event) => change(name, event.target.value)} />
        </label>
      </li>`)}
    </ul>
    ${rows.length > MOST_ROWS && html`<p class="quiet">The first ${MOST_ROWS} of ${number(rows.length)} steps. JSON can set the others.</p>`}
  </details>`;
}
