// The fields of a rehearsed change, such as points, an end, or a reason.
import { html } from '../core/html.js';
import { Field } from './form.js';

export function ChangeFields({ fields, values, set, errors }) {
  if (fields.length === 0) return null;
  const form = { values, set, errors };
  return html`<div class="form">
    ${fields.map((field) => html`<${Field} key=${field.name} form=${form} ...${field} />`)}
  </div>`;
}
