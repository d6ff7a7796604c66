// The next due times in the zone of a schedule and in the reader's, with the effects of clock changes.
import { html } from '../../core/html.js';
import { useSettings } from '../../core/settings.js';
import { DataTable } from '../../parts/data_table.js';
import { Time } from '../../parts/time.js';
import { Note, localText } from './due_list.js';

const columnsOf = (zone, mine) => [
  { id: 'local', title: zone, wide: true, cell: (row) => html`<span>${localText(row.local)} <${Note} note=${row.note} /></span>` },
  { id: 'mine', title: mine === 'local' ? 'Your zone' : mine, cell: (row) => html`<${Time} at=${row.utc} />` },
];

/** `times`: [{ utc, local, note }] as the API returns them. */
export function DueTimes({ times, zone }) {
  const settings = useSettings();
  return html`<${DataTable} caption="Next due times" columns=${columnsOf(zone, settings.zone)} rows=${times} rowKey=${(row) => row.utc} />`;
}
