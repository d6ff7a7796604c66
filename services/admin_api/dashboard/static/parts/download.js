// Save a text as a file of this browser. A link cannot send the token, so the page reads the file first.
import { api } from '../core/api.js';
import { explained } from './problem.js';
import { toast } from './toast.js';

const KEPT_MS = 60_000;

export function save(text, name, type) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), KEPT_MS);
}

/** Read an export, and save it. A failure is shown as a toast. */
export async function download({ path, query, name, type }) {
  try {
    const { data } = await api.text(path, { query });
    save(data, name, type);
  } catch (error) {
    toast(explained(error, 'export').join(': '), { tone: 'bad' });
  }
}
