// The list of all keys, opened by "?".
import { html } from '../core/html.js';
import { useKeyGroups } from '../core/keys.js';
import { setSetting, useSettings } from '../core/settings.js';
import { Dialog, openDialog } from '../parts/dialog.js';

export const openKeyHelp = () => openDialog((close) => html`<${KeyHelp} close=${close} />`);

function KeyHelp({ close }) {
  const groups = useKeyGroups();
  const { shortcuts } = useSettings();
  const titles = [...new Set(groups.map((group) => group.title))];
  return html`<${Dialog} title="Keys" wide onClose=${() => close()}>
    <label class="check">
      <input
        type="checkbox"
        checked=${shortcuts}
        onChange=${(event) => setSetting('shortcuts', event.target.checked)}
      />
      <span>Use keys. Ctrl+K works always.</span>
    </label>
    <div class="key-groups">
      ${titles.map(
        (title) => html`<section key=${title}>
          <h3>${title}</h3>
          <dl class="keys">
            ${groups
              .filter((group) => group.title === title)
              .flatMap((group) => group.keys.current)
              .filter((key) => key?.label)
              .map(
                ({ keys, label }) => html`<div key=${keys}>
                  <dt>${keys.split(' ').map((key) => html`<kbd key=${key}>${SHOWN[key] ?? key}</kbd> `)}</dt>
                  <dd>${label}</dd>
                </div>`,
              )}
          </dl>
        </section>`,
      )}
    </div>
  <//>`;
}

const SHOWN = { Escape: 'Esc', 'Ctrl+k': 'Ctrl+K' };
