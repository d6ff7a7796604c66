// The form of a new token. Its secret is shown once, and is nowhere else.
import { html, useState } from '../../core/html.js';
import { api } from '../../core/api.js';
import { refreshAfterChange } from '../../core/poll.js';
import { useSession } from '../../core/session.js';
import { Button, Copy } from '../../parts/button.js';
import { CommandLines } from '../../parts/command_lines.js';
import { Dialog, openDialog } from '../../parts/dialog.js';
import { Field, Form, useForm } from '../../parts/form.js';

const PATH = '/api/admin/tokens';
const SCOPES = ['read', 'content', 'jobs', 'schedules', 'webhooks', 'audit', 'tokens', 'erase'];

export const openNewToken = () => openDialog((close) => html`<${NewToken} close=${close} />`);

const bodyOf = ({ name, scopes, expires_at: end }) => ({ name: name.trim(), scopes, ...(end && { expires_at: end }) });

function NewToken({ close }) {
  const { identity } = useSession();
  const [made, setMade] = useState(null);
  const form = useForm({
    values: { name: '', scopes: ['read'], expires_at: null },
    send: (values) => api.send('POST', PATH, { body: bodyOf(values) }),
    done: ({ data }) => {
      form.reset();
      refreshAfterChange();
      setMade(data);
    },
  });
  if (made) return html`<${Secret} made=${made} close=${close} />`;
  const options = SCOPES.map((scope) => ({
    value: scope,
    label: scope,
    reason: identity?.scopes.includes(scope) ? null : 'Your token lacks this scope.',
  }));
  const { name, scopes } = form.values;
  const missing = !name.trim() ? 'Type a name.' : scopes.length === 0 ? 'Choose a scope.' : null;
  return html`<${Dialog} title="New token" onClose=${() => close(null)} actions=${html`
      <${Button} onClick=${() => close(null)}>Cancel<//>
      <${Button} kind="primary" scope="tokens" busy=${form.isBusy} reason=${missing} onClick=${form.submit}>Create<//>`}>
    <${Form} form=${form}>
      <${Field} form=${form} name="name" label="Name" max=${100} required hint="The audit log shows it with each change. For a person or a program." />
      <${Field} form=${form} name="scopes" kind="choices" label="Scopes" options=${options} hint="You can grant only scopes that your own token has." />
      <${Field} form=${form} name="expires_at" kind="time" label="Expires" hint="Empty: when your token expires, or never." />
    <//>
    ${!missing && html`<${CommandLines} request=${{ method: 'POST', path: PATH, body: bodyOf(form.values) }}
      crawlctl=${['tokens', 'create', name.trim(), ...scopes.flatMap((scope) => ['--scope', scope])]} />`}
  <//>`;
}

function Secret({ made, close }) {
  const done = html`<${Button} kind="primary" onClick=${() => close(made)}>I have stored it<//>`;
  return html`<${Dialog} title=${`The token "${made.name}"`} onClose=${() => close(made)} actions=${done}>
    <p>This is the only time that it is shown. The server keeps only its hash.</p>
    <div class="command-line"><code tabindex="0" aria-label="Token">${made.token}</code><${Copy} text=${made.token} label="Copy the token" /></div>
  <//>`;
}
