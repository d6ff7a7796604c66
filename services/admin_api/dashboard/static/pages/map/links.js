// The links of the map by subreddit: neighbours, and the shortest path between two subreddits.

/** Return { byId, linksOf(id), path(from, to) }. Each entry of linksOf is { id, weight, shared }, the strongest first. */
export function indexOf({ nodes, links }) {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const around = new Map(nodes.map((node) => [node.id, []]));
  for (const { a, b, weight, shared_authors: shared } of links) {
    around.get(a)?.push({ id: b, weight, shared });
    around.get(b)?.push({ id: a, weight, shared });
  }
  for (const each of around.values()) each.sort((one, other) => other.weight - one.weight || one.id - other.id);
  const linksOf = (id) => around.get(id) ?? [];
  return { byId, linksOf, path: (from, to) => shortestPath(linksOf, from, to) };
}

/** Return the ids from one subreddit to another over the fewest links, or null without a path. */
function shortestPath(linksOf, from, to) {
  const before = new Map([[from, null]]);
  let edge = [from];
  while (edge.length > 0 && !before.has(to)) {
    const next = [];
    for (const id of edge) {
      for (const { id: other } of linksOf(id)) {
        if (before.has(other)) continue;
        before.set(other, id);
        next.push(other);
      }
    }
    edge = next;
  }
  if (!before.has(to)) return null;
  const path = [];
  for (let id = to; id !== null; id = before.get(id)) path.unshift(id);
  return path;
}
