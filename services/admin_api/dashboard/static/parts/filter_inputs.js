// The inputs of filters, by kind. A typed text takes effect shortly after the last key.
import { html, useEffect, useId, useRef, useState } from '../core/html.js';
import { title } from '../core/format.js';

const TYPING_MS = 350;

export function FilterInput({ definition, value, set, isSearch }) {
  const Input = INPUTS[definition.kind] ?? TextInput;
  return html`<${Input} definition=${definition} value=${value} set=${set} isSearch=${isSearch} />`;
}

const optionsOf = ({ options = [] }) =>
  options.map((one) => (typeof one === 'object' ? one : { value: one, label: title(one) }));

function Choices({ definition, value = [], set }) {
  const id = useId();
  const toggle = (one, isOn) => set(isOn ? [...value, one] : value.filter((each) => each !== one));
  return html`<div class="filter" role="group" aria-labelledby=${id}>
    <span class="filter-label" id=${id}>${definition.label}</span>
    <div class="toggles">
      ${optionsOf(definition).map(
        (one) => html`<label key=${one.value} class="toggle">
          <input type="checkbox" checked=${value.includes(one.value)} onChange=${(event) => toggle(one.value, event.target.checked)} />
          <span>${one.label}${one.note !== undefined && html` <small class="toggle-note">${one.note}</small>`}</span>
        </label>`,
      )}
    </div>
  </div>`;
}

function Choice({ definition, value = '', set }) {
  return html`<label class="filter">
    <span class="filter-label">${definition.label}</span>
    <select value=${value} onChange=${(event) => set(event.target.value || null)}>
      <option value="">Any</option>
      ${optionsOf(definition).map((one) => html`<option key=${one.value} value=${one.value}>${one.label}</option>`)}
    </select>
  </label>`;
}

const FLAG = [{ value: 'true', label: 'Yes' }, { value: 'false', label: 'No' }];
const Flag = (props) => html`<${Choice} ...${props} definition=${{ ...props.definition, options: FLAG }} />`;

/** A text that is sent after a pause of the typing, at once by Enter and when the focus leaves. */
function TextInput({ definition, value = '', set, isSearch }) {
  const [typed, setTyped] = useState(value);
  const timer = useRef(0);
  useEffect(() => setTyped(value), [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const apply = (text) => {
    clearTimeout(timer.current);
    if (text !== value) set(text.trim() || null);
  };
  const type = (event) => {
    const text = event.target.value;
    setTyped(text);
    clearTimeout(timer.current);
    if (event.target.checkValidity()) timer.current = setTimeout(() => apply(text), TYPING_MS);
  };
  const isNumber = definition.kind === 'number';
  return html`<label class="filter">
    <span class="filter-label">${definition.label}</span>
    <input
      type=${isNumber ? 'number' : 'text'}
      min=${definition.min ?? null}
      max=${definition.max ?? null}
      maxlength=${isNumber ? null : (definition.max ?? 200)}
      value=${typed}
      placeholder=${definition.placeholder ?? null}
      autocomplete="off"
      spellcheck="false"
      data-search=${isSearch ? 'true' : null}
      onInput=${type}
      onChange=${(event) => event.target.checkValidity() && apply(event.target.value)}
      onKeyDown=${(event) => event.key === 'Enter' && event.target.checkValidity() && apply(event.target.value)}
    />
  </label>`;
}

/** A time in the zone of the browser; the address has it in UTC. */
function TimeInput({ definition, value, set }) {
  const time = value ? new Date(value) : null;
  const isValid = time && !Number.isNaN(time.getTime());
  const local = isValid ? new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 16) : '';
  const choose = (event) => {
    const chosen = event.target.value ? new Date(event.target.value) : null;
    set(chosen && !Number.isNaN(chosen.getTime()) ? chosen.toISOString() : null);
  };
  return html`<label class="filter">
    <span class="filter-label">${definition.label}</span>
    <input type="datetime-local" value=${local} onChange=${choose} />
  </label>`;
}

const INPUTS = { choices: Choices, choice: Choice, flag: Flag, time: TimeInput, text: TextInput, number: TextInput };
