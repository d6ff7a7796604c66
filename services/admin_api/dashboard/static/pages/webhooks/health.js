// Texts of the health of a webhook: shares, numbers of deliveries, latencies.
import { duration, number, percent } from '../../core/format.js';

/** "98%" of the ended deliveries, "no delivery", or a dash while the health is unknown. */
export const shareText = (health) =>
  health ? (health.success_share === null ? 'no delivery' : percent(health.success_share)) : '–';

/** "40 of 41", with "newest" when the server read only the newest ones. */
export function endedText(health) {
  if (!health || health.delivered + health.failed === 0) return '';
  const { delivered, failed, at_least: isPart } = health;
  return `${number(delivered)} of ${isPart ? 'the newest ' : ''}${number(delivered + failed)}`;
}

/** "1,250 ms", "12s", "not measured", or a dash while the health is unknown. */
export function latencyText(milliseconds) {
  if (milliseconds === undefined) return '–';
  if (milliseconds === null) return 'not measured';
  return milliseconds < 10_000 ? `${number(milliseconds)} ms` : duration(milliseconds / 1000);
}
