// The list of schedules, and one schedule. They share most of their modules, so they are one file.
import { html } from '../core/html.js';
import { Schedule } from './schedule/schedule.js';
import { Schedules } from './schedules/list.js';

export default function SchedulePages({ params }) {
  return params.id === undefined ? html`<${Schedules} />` : html`<${Schedule} key=${params.id} params=${params} />`;
}
