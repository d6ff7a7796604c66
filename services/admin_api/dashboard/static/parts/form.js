// Forms: values, errors at their fields, and nothing lost when a request fails.
import { html, useEffect, useId, useRef, useState } from '../core/html.js';
import { title } from '../core/format.js';
import { addGuard } from '../core/router.js';
import { Problem } from './problem.js';

/**
 * Return { values, set, errors, problem, isBusy, isChanged, submit, reset }. `send(values)` sends the
 * form and may throw ApiError: the errors of a 422 appear at the fields that their pointers name.
 */
export function useForm({ values: initial, send, done }) {
  const [values, setValues] = useState(initial);
  const [state, setState] = useState({ errors: {}, problem: null, isBusy: false });
  const isSent = useRef(false); // then nothing is lost when the reader leaves
  const isChanged = JSON.stringify(values) !== JSON.stringify(initial);
  useEffect(() => {
    if (!isChanged) return undefined;
    return addGuard(() => isSent.current || confirm('Leave the page? The changes of its form are lost.'));
  }, [isChanged]);
  const submit = async (event) => {
    event?.preventDefault();
    if (state.isBusy) return;
    setState({ errors: {}, problem: null, isBusy: true });
    try {
      const answer = await send(values);
      setState({ errors: {}, problem: null, isBusy: false });
      isSent.current = answer !== null;
      if (answer !== null) done?.(answer);
    } catch (error) {
      if (error.name !== 'ApiError') throw error;
      setState({ errors: byField(error.errors), problem: error, isBusy: false });
    }
  };
  return {
    values,
    set: (name, value) => {
      isSent.current = false;
      setValues((all) => ({ ...all, [name]: value }));
    },
    reset: (next = initial) => {
      setValues(next);
      setState({ errors: {}, problem: null, isBusy: false });
    },
    isChanged,
    submit,
    ...state,
  };
}

/** {'/steps/0/subreddit': ...} belongs to the field "steps". */
function byField(errors) {
  const found = {};
  for (const { pointer, detail } of errors) {
    const [, name, ...rest] = pointer.split('/');
    const text = rest.length > 0 ? `${rest.join(' ')}: ${detail}` : detail;
    found[name] = found[name] ? `${found[name]}; ${text}` : text;
  }
  return found;
}

/** The frame of a form: its problem above its fields. Errors that belong to shown fields are not repeated. */
export function Form({ form, children }) {
  const { problem } = form;
  return html`<form class="form" onSubmit=${form.submit} novalidate>
    ${problem && html`<${Problem} error=${problem} />`}
    ${children}
  </form>`;
}

/** A field: its label, its hint, its error. kinds: text, number, area, choice, choices, flag, time. */
export function Field({ form, name, label = title(name), hint, kind = 'text', ...options }) {
  const id = useId();
  const error = form.errors[name];
  const about = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ') || null;
  const common = {
    id,
    name,
    'aria-describedby': about,
    'aria-invalid': error ? 'true' : null,
    'aria-required': options.required ? 'true' : null,
  };
  const set = (value) => form.set(name, value);
  const notes = html`${hint && html`<span class="field-hint" id=${`${id}-hint`}>${hint}</span>`}
    <span class="form-error" id=${`${id}-error`}>${error}</span>`;
  if (kind === 'flag') {
    return html`<div class="field">
      <label class="check">
        <input ...${common} type="checkbox" checked=${Boolean(form.values[name])} onChange=${(event) => set(event.target.checked)} />
        <span>${label}</span>
      </label>${notes}
    </div>`;
  }
  const Input = INPUTS[kind] ?? INPUTS.text;
  const isGroup = kind === 'choices';
  return html`<div class="field" role=${isGroup ? 'group' : null} aria-labelledby=${isGroup ? `${id}-label` : null}>
    <label class="field-label" id=${`${id}-label`} for=${isGroup ? null : id}>
      ${label}${options.required && html`<span class="quiet"> (required)</span>`}
    </label>
    <${Input} common=${common} value=${form.values[name]} set=${set} options=${options} />${notes}
  </div>`;
}

const optionsOf = (options = []) => options.map((one) => (typeof one === 'object' ? one : { value: one, label: title(one) }));

const INPUTS = {
  text: ({ common, value, set, options }) => html`<input ...${common} type="text" autocomplete="off" spellcheck="false"
    value=${value ?? ''} maxlength=${options.max ?? 500} placeholder=${options.placeholder ?? null} list=${options.list ?? null}
    onInput=${(event) => set(event.target.value)} />`,
  number: ({ common, value, set, options }) => html`<input ...${common} type="number" value=${value ?? ''} min=${options.min ?? null}
    max=${options.max ?? null} step=${options.step ?? 1}
    onInput=${(event) => set(event.target.value === '' ? null : Number(event.target.value))} />`,
  area: ({ common, value, set, options }) => html`<textarea ...${common} rows=${options.rows ?? 4} maxlength=${options.max ?? 20_000}
    value=${value ?? ''} onInput=${(event) => set(event.target.value)} />`,
  choice: ({ common, value, set, options }) => html`<select ...${common} value=${value ?? ''} onChange=${(event) => set(event.target.value || null)}>
    ${options.empty !== undefined && html`<option value="">${options.empty}</option>`}
    ${optionsOf(options.options).map((one) => html`<option key=${one.value} value=${one.value}>${one.label}</option>`)}
  </select>`,
  choices: ({ common, value = [], set, options }) => html`<div class="toggles">
    ${optionsOf(options.options).map(
      (one) => html`<label class="toggle" key=${one.value}>
        <input type="checkbox" name=${common.name} checked=${value.includes(one.value)} disabled=${Boolean(one.reason)}
          onChange=${(event) => set(event.target.checked ? [...value, one.value] : value.filter((each) => each !== one.value))} />
        <span title=${one.reason ?? null}>${one.label}</span>
      </label>`,
    )}
  </div>`,
  time: ({ common, value, set }) => html`<input ...${common} type="datetime-local" value=${localOf(value)}
    onChange=${(event) => set(event.target.value ? new Date(event.target.value).toISOString() : null)} />`,
};

/** Return a time in the form of an input, in the zone of the browser. */
function localOf(value) {
  const time = value ? new Date(value) : null;
  if (!time || Number.isNaN(time.getTime())) return '';
  return new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
