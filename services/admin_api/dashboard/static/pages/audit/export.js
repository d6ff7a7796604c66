// Download the audit rows that match the filters, as CSV or as JSON lines.
import { html, useState } from '../../core/html.js';
import { api } from '../../core/api.js';
import { explained } from '../../parts/problem.js';
import { Menu } from '../../parts/menu.js';
import { toast } from '../../parts/toast.js';

const PATH = '/api/admin/audit-log/export';

/** Save a text as a file of this browser. A link cannot send the token, so the page reads the file. */
function save(text, name, type) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

export function ExportAudit({ query }) {
  const [isBusy, setBusy] = useState(false);
  const download = (format, type) => async () => {
    setBusy(true);
    try {
      const { data } = await api.text(PATH, { query: { ...query, format } });
      save(data, `audit-log.${format}`, type);
    } catch (error) {
      toast(explained(error, 'export').join(': '), { tone: 'bad' });
    } finally {
      setBusy(false);
    }
  };
  const reason = isBusy ? 'An export is running.' : null;
  return html`<${Menu} label="Export" items=${[
    { label: 'As CSV', scope: 'audit', reason, run: download('csv', 'text/csv') },
    { label: 'As JSON lines', scope: 'audit', reason, run: download('jsonl', 'application/jsonl') },
  ]} />`;
}
