// The sign-in dialog. It lies over the page, so nothing that the reader has typed is lost.
import { html, useState } from '../core/html.js';
import { whoami } from '../core/api.js';
import { signIn, useSession } from '../core/session.js';
import { Button } from '../parts/button.js';
import { Dialog } from '../parts/dialog.js';

export function SignIn() {
  const { error, identity } = useSession();
  const [token, setToken] = useState('');
  const [keep, setKeep] = useState(false);
  const [busy, setBusy] = useState(false);
  const submit = async (event) => {
    event.preventDefault();
    const typed = token.trim();
    if (!typed || busy) return;
    setBusy(true);
    await signIn(typed, { keep }, whoami);
    setBusy(false);
  };
  return html`<${Dialog} title=${identity ? 'Sign in again' : 'Sign in'}>
    <form class="form" onSubmit=${submit}>
      ${identity
        ? html`<p>The token "${identity.name}" is not valid any more. What you typed on the page stays.</p>`
        : html`<p>The dashboard uses the REST API with your token, and has its rights.</p>`}
      <label class="field">
        <span class="field-label">Token</span>
        <input
          type="password"
          name="token"
          autocomplete="off"
          spellcheck="false"
          maxlength="400"
          value=${token}
          onInput=${(event) => setToken(event.target.value)}
          aria-describedby="sign-in-error"
          autofocus
        />
      </label>
      <label class="check">
        <input type="checkbox" checked=${keep} onChange=${(event) => setKeep(event.target.checked)} />
        <span>Keep it in this tab until the tab is closed</span>
      </label>
      <p id="sign-in-error" class="form-error" role="alert">${error && explain(error)}</p>
      <p class="dialog-foot-inline">
        <${Button} kind="primary" type="submit" busy=${busy}>${busy ? 'Checking' : 'Sign in'}<//>
      </p>
      <details class="quiet">
        <summary>Where is my token?</summary>
        <p>An operator makes one: <code>POST /api/admin/tokens</code>, or <code>crawlctl tokens create</code>.
        The demo prints an address that signs in by itself. The first token is the setting <code>ADMIN_API_TOKEN</code>.</p>
      </details>
    </form>
  <//>`;
}

function explain(error) {
  if (error.code === 'invalid_token') return 'The server does not know this token, or it has expired or was revoked.';
  if (error.code === 'missing_token') return 'Type a token.';
  return error.detail || error.title;
}
