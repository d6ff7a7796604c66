// Filters of a list. They live in the query of the address, and appear as chips.
import { html, useState } from '../core/html.js';
import { words } from '../core/format.js';
import { setQuery, useQuery } from '../core/router.js';
import { Button } from './button.js';
import { FilterInput } from './filter_inputs.js';
import { absolute } from './time.js';

/** Return the filters of a page: { query, active, isActive, set(name, value), clear() }. */
export function useFilters(definitions) {
  const [address] = useQuery();
  const query = {};
  for (const { name, kind } of definitions) {
    if (!address.has(name)) continue;
    query[name] = kind === 'choices' ? address.getAll(name) : address.get(name);
  }
  const active = definitions
    .filter(({ name }) => query[name] !== undefined)
    .map((one) => ({ name: one.name, label: one.label, text: textOf(one, query[one.name]) }));
  return {
    definitions,
    query,
    active,
    isActive: active.length > 0,
    set: (name, value) => setQuery({ [name]: value, cursor: null }),
    clear: () => setQuery({ ...Object.fromEntries(definitions.map(({ name }) => [name, null])), cursor: null }),
  };
}

function textOf(definition, value) {
  const labelOf = (one) => {
    const option = (definition.options ?? []).find((each) => (each.value ?? each) === one);
    return option?.label ?? words(one);
  };
  if (definition.kind === 'choices') return value.map(labelOf).join(', ');
  if (definition.kind === 'choice') return labelOf(value);
  if (definition.kind === 'flag') return value === 'true' ? 'yes' : 'no';
  if (definition.kind === 'time') return absolute(value, 'local');
  return value;
}

/** The row of filters: the main ones, the added ones, chips that remove them, and children at the end. */
export function Filters({ of: filters, children }) {
  const [added, setAdded] = useState([]);
  const isOpen = (one) => one.main || added.includes(one.name);
  const shown = filters.definitions.filter(isOpen);
  const others = filters.definitions.filter((one) => !isOpen(one));
  const chips = filters.active.filter(({ name }) => !shown.some((one) => one.name === name));
  const add = (event) => {
    const { value } = event.target;
    if (value) setAdded((all) => [...all, value]);
    event.target.value = '';
  };
  const firstText = shown.find((one) => one.kind === 'text')?.name;
  return html`<form class="filters" role="search" aria-label="Filters" onSubmit=${(event) => event.preventDefault()}>
    ${shown.map(
      (one) => html`<${FilterInput} key=${one.name} definition=${one} value=${filters.query[one.name]}
        isSearch=${one.name === firstText} set=${(value) => filters.set(one.name, value)} />`,
    )}
    ${others.length > 0 &&
    html`<label class="filter">
      <span class="filter-label">More filters</span>
      <select onChange=${add} value="">
        <option value="">Add a filter</option>
        ${others.map((one) => html`<option key=${one.name} value=${one.name}>${one.label}</option>`)}
      </select>
    </label>`}
    ${filters.isActive &&
    html`<div class=${`chips filter-chips ${chips.length > 0 ? 'own-line' : ''}`}>
      ${chips.map(
        ({ name, label, text }) => html`<span class="chip" key=${name}>${label}: ${text}
          <${Button} kind="quiet small" icon="cross" aria-label=${`Remove the filter ${label}`} onClick=${() => filters.set(name, null)} />
        </span>`,
      )}
      <${Button} kind="small quiet" onClick=${filters.clear}>Clear all<//>
    </div>`}
    ${children}
  </form>`;
}
