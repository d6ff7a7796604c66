// Download the audit rows that match the filters, as CSV or as JSON lines.
import { html, useState } from '../../core/html.js';
import { download } from '../../parts/download.js';
import { Menu } from '../../parts/menu.js';

const PATH = '/api/admin/audit-log/export';

export function ExportAudit({ query }) {
  const [isBusy, setBusy] = useState(false);
  const save = (format, type) => async () => {
    setBusy(true);
    await download({ path: PATH, query: { ...query, format }, name: `audit-log.${format}`, type });
    setBusy(false);
  };
  const reason = isBusy ? 'An export is running.' : null;
  return html`<${Menu} label="Export" items=${[
    { label: 'As CSV', scope: 'audit', reason, run: save('csv', 'text/csv') },
    { label: 'As JSON lines', scope: 'audit', reason, run: save('jsonl', 'application/jsonl') },
  ]} />`;
}
