// The settings of this browser: theme, zone, density, updates, keys.
import { html } from '../core/html.js';
import { clockOffset, now } from '../core/clock.js';
import { duration } from '../core/format.js';
import { isZone, resetSettings, setSetting, useSettings } from '../core/settings.js';
import { useSession } from '../core/session.js';
import { Button } from '../parts/button.js';
import { Facts, Page, Section } from '../parts/page.js';
import { Time } from '../parts/time.js';
import { openKeyHelp } from '../shell/key_help.js';

const OWN_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;
const ZONES = Intl.supportedValuesOf?.('timeZone') ?? [];

const CHOICES = [
  ['theme', 'Theme', [['system', 'As the system'], ['light', 'Light'], ['dark', 'Dark']]],
  ['density', 'Rows', [['compact', 'Compact'], ['roomy', 'Roomy']]],
  ['interval', 'Updates', [['normal', 'Each 5 to 15 s'], ['slow', '4 times slower'], ['off', 'Off']]],
];

export default function Settings() {
  const settings = useSettings();
  const { identity } = useSession();
  return html`<${Page} title="Settings" lead="They are stored in this browser. They contain no token and no data.">
    <${Section} title="Look and updates">
      <div class="form">
        ${CHOICES.map(
          ([name, label, options]) => html`<fieldset class="field" key=${name}>
            <legend class="field-label">${label}</legend>
            <div class="segments">
              ${options.map(
                ([value, text]) => html`<label key=${value}>
                  <input
                    type="radio"
                    name=${name}
                    value=${value}
                    checked=${settings[name] === value}
                    onChange=${() => setSetting(name, value)}
                  /><span>${text}</span>
                </label>`,
              )}
            </div>
          </fieldset>`,
        )}
        <${Zone} zone=${settings.zone} />
        <label class="check">
          <input
            type="checkbox"
            checked=${settings.shortcuts}
            onChange=${(event) => setSetting('shortcuts', event.target.checked)}
          />
          <span>Use keys</span>
        </label>
        <p>
          <${Button} onClick=${openKeyHelp}>Show all keys<//>
          <${Button} kind="quiet" onClick=${resetSettings}>Reset all settings<//>
        </p>
      </div>
    <//>
    <${Section} title="This session">
      <${Facts}
        items=${[
          ['Token', identity?.name],
          ['Scopes', identity?.scopes.join(', ')],
          ['Expires', identity?.expires_at ? html`<${Time} at=${identity.expires_at} />` : 'never'],
          ['Time of the server', html`<${Time} at=${now()} kind="absolute" />`],
          ['Clock of this browser', clockText(clockOffset())],
        ]}
      />
    <//>
  <//>`;
}

function clockText(offset) {
  if (Math.abs(offset) < 2000) return 'agrees with the server';
  return `${duration(Math.abs(Math.round(offset / 1000)))} ${offset > 0 ? 'behind' : 'ahead of'} the server; shown times are corrected`;
}

function Zone({ zone }) {
  const choose = (event) => {
    const { value } = event.target;
    if (isZone(value)) setSetting('zone', value);
  };
  return html`<label class="field">
    <span class="field-label">Time zone of shown times</span>
    <select value=${zone} onChange=${choose}>
      <option value="local">This browser (${OWN_ZONE})</option>
      <option value="UTC">UTC</option>
      ${ZONES.filter((name) => name !== 'UTC').map((name) => html`<option key=${name} value=${name}>${name}</option>`)}
    </select>
  </label>`;
}
