// The tokens of the API: create one, see its use, revoke it. A secret is shown once.
import { html } from '../core/html.js';
import { words } from '../core/format.js';
import { Button } from '../parts/button.js';
import { useList } from '../parts/list.js';
import { hrefOf } from '../core/router.js';
import { Page } from '../parts/page.js';
import { rehearse } from '../parts/rehearsal.js';
import { Status } from '../parts/status.js';
import { Table } from '../parts/table.js';
import { Time } from '../parts/time.js';
import { openNewToken } from './tokens/new_token.js';

const stateOf = (token) => (token.live ? 'live' : token.revoked_at ? 'revoked' : 'expired');

const COLUMNS = [
  { id: 'name', title: 'Name', always: true, cell: (row) => row.name },
  { id: 'state', title: 'State', cell: (row) => html`<${Status} kind="token" value=${stateOf(row)} note=${row.revoked_by && `by ${row.revoked_by}`} />` },
  { id: 'scopes', title: 'Scopes', wide: true, cell: (row) => row.scopes.map(words).join(', ') },
  { id: 'expires', title: 'Expires', cell: (row) => (row.expires_at ? html`<${Time} at=${row.expires_at} />` : 'never') },
  { id: 'used', title: 'Last used', cell: (row) => (row.last_used_at ? html`<${Time} at=${row.last_used_at} kind="relative" />` : 'never') },
  { id: 'created', title: 'Created', optional: true, cell: (row) => html`<${Time} at=${row.created_at} /> by ${row.created_by}` },
  { id: 'audit', title: 'Its changes', cell: (row) => html`<a href=${hrefOf('/ui/audit', { token_id: row.id })}>Audit</a>` },
  {
    id: 'revoke',
    title: 'Revoke',
    cell: (row) => (row.live ? html`<${Button} kind="small danger-text" scope="tokens" onClick=${() => revoke(row)}>Revoke<//>` : '–'),
  },
];

const revoke = (token) =>
  rehearse({
    title: `Revoke the token "${token.name}"`,
    verb: 'Revoke',
    scope: 'tokens',
    danger: true,
    method: 'DELETE',
    path: `/api/admin/tokens/${encodeURIComponent(token.id)}`,
    effect: 'Requests with this token are refused at once. A token cannot be revived.',
    crawlctl: ['tokens', 'revoke', token.id],
    done: () => `The token "${token.name}" is revoked`,
  });

export default function Tokens() {
  const list = useList('/api/admin/tokens', { interval: 15 });
  const create = html`<${Button} kind="primary" scope="tokens" onClick=${openNewToken}>New token<//>`;
  return html`<${Page} title="Tokens" lead="A token has a name, which the audit log shows, and scopes. No scope includes another one." actions=${create}>
    <${Table} name="tokens" what="token" list=${list} columns=${COLUMNS} caption="Tokens"
      empty=${{ title: 'No tokens yet', text: 'The bootstrap token of the installation is not in this list. Create a token for each person and program.', action: { label: 'New token', scope: 'tokens', run: openNewToken } }} />
  <//>`;
}
