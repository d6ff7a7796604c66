// The live preview of an expression: its meaning and next due times, or its error, while the reader types.
import { html, useEffect, useState } from '../../core/html.js';
import { api } from '../../core/api.js';
import { DueList } from './due_list.js';
import { PATH } from './path.js';

const TYPING_MS = 300;
const COUNT = 5;
export const EXAMPLES = ['0 7 * * *', '30 3 * * MON-FRI', '@every 6h', '0 9 1 * *', '@hourly'];

/** Return { data, errors, error, isBusy } for an expression and a zone. An older request is aborted. */
export function usePreview(expression, zone) {
  const [state, setState] = useState({ data: null, errors: {}, error: null, isBusy: false });
  useEffect(() => {
    if (!expression.trim()) {
      setState({ data: null, errors: {}, error: null, isBusy: false });
      return undefined;
    }
    const controller = new AbortController();
    setState((old) => ({ ...old, isBusy: true }));
    const timer = setTimeout(async () => {
      try {
        const body = { cron_expression: expression, timezone: zone, count: COUNT };
        const { data } = await api.send('POST', `${PATH}/preview`, { body, key: false, signal: controller.signal });
        setState({ data, errors: {}, error: null, isBusy: false });
      } catch (error) {
        if (error.isAborted) return;
        const errors = Object.fromEntries(error.errors.map(({ pointer, detail }) => [pointer.split('/')[1], detail]));
        setState({ data: null, errors, error: error.errors.length > 0 ? null : error, isBusy: false });
      }
    }, TYPING_MS);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [expression, zone]);
  return state;
}

export function Preview({ preview, zone, spread, choose }) {
  const { data, error, errors, isBusy } = preview;
  return html`<div class="preview" role="status" aria-label="Preview" aria-busy=${isBusy ? 'true' : null}>
    ${data
      ? html`<p class="preview-words">${data.description}</p>
          <${DueList} times=${data.next_runs} />
          <p class="quiet">Times in ${zone}.${spread > 0 ? ` Each run is up to ${spread} s later, because of the spread.` : ''}</p>`
      : error
        ? html`<p class="error-text">No preview: ${error.detail || error.title}</p>`
        : Object.keys(errors).length > 0
          ? html`<p class="quiet">The preview appears when the expression and the zone are valid.</p>`
          : html`<p class="quiet">${isBusy ? 'Asking for the next due times' : 'The next due times appear here. Examples:'}</p>
              ${!isBusy && html`<p class="chips">
                ${EXAMPLES.map((one) => html`<button type="button" class="button small" key=${one} onClick=${() => choose(one)}>${one}</button>`)}
              </p>`}`}
  </div>`;
}
