// The colour of each subreddit: a class for its group, and the legend of the groups.
import { now } from '../../core/clock.js';
import { title } from '../../core/format.js';
import { LATENESS, latenessLabel, latenessOf, latenessTone } from '../../parts/freshness.js';
import { toneOf } from '../../parts/status.js';

const COLOURS = 8; // communities with a colour of their own
const OTHER = { key: 'other', label: 'Other communities', look: 'place-other' };
const NONE = { key: 'none', label: 'No community', look: 'place-other' };

/** Return { of(node), legend: [{ key, label, look, count }] }. */
export function coloursOf(nodes, by) {
  const groupOf = { freshness: byFreshness(), access: byAccess }[by] ?? byCommunity(nodes);
  const groups = new Map();
  const found = new Map();
  for (const node of nodes) {
    const group = groupOf(node);
    found.set(node.id, group);
    groups.set(group.key, { ...group, count: (groups.get(group.key)?.count ?? 0) + 1 });
  }
  const legend = [...groups.values()].sort((a, b) => (a.rank ?? 99) - (b.rank ?? 99) || b.count - a.count);
  return { of: (node) => found.get(node.id) ?? OTHER, legend };
}

function byFreshness() {
  const present = now();
  return (node) => {
    const key = latenessOf(node, present);
    return { key, label: latenessLabel(key), look: `tone-${latenessTone(key)}`, rank: LATENESS.findIndex(([name]) => name === key) };
  };
}

const byAccess = ({ access }) => ({ key: access, label: title(access), look: `tone-${toneOf('access', access)}` });

/** The largest communities have colours of their own; equal data gives equal colours. */
function byCommunity(nodes) {
  const sizes = new Map();
  for (const { community } of nodes) {
    if (community) sizes.set(community.id, { ...community, count: (sizes.get(community.id)?.count ?? 0) + 1 });
  }
  const largest = [...sizes.values()].sort((a, b) => b.count - a.count || a.id - b.id).slice(0, COLOURS);
  const groups = new Map(largest.map(({ id, name }, at) => [id, { key: `community ${id}`, label: `r/${name}`, look: `place-${at}`, rank: at }]));
  return ({ community }) => (community ? (groups.get(community.id) ?? OTHER) : NONE);
}
