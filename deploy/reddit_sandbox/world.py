"""Generates a sandbox's communities, and finds communities, items and the authors' histories."""

import collections
import heapq
import threading
import time
from collections.abc import Callable, Iterable

from reddit_sandbox import community as community_module
from reddit_sandbox import community_ids, keys, naming
from reddit_sandbox import made_up_authors as authors_module
from reddit_sandbox.community import Comment, Community, Post
from reddit_sandbox.item import Item
from reddit_sandbox.options import Options

# The limit of posts and comments in memory, about 60 MB. Communities beyond the limit are dropped,
# and generated again with the same content when a request needs them.
READY_ITEMS = 250_000
# The limit of requested communities that are not in the catalogue. A further community replaces the
# community that was requested least recently.
REMEMBERED = 2_000
DELETIONS = 10_000


class World:
    """The communities, items and authors of one seed, made at their first use. Thread-safe."""

    def __init__(self, options: Options, clock: Callable[[], float] = time.time) -> None:
        self.options = options
        self.authors = authors_module.Authors(options.seed, options.now)
        self._clock = clock
        self._started = clock()
        self._lock = threading.RLock()
        self._ready: collections.OrderedDict[str, Community] = collections.OrderedDict()
        self._remembered: collections.OrderedDict[str, None] = collections.OrderedDict()
        self._names_by_tag: dict[int, list[str]] = {}
        self._names_by_author: dict[int, list[str]] = {}
        self._name_by_id: dict[str, str] = {}
        self._held: collections.OrderedDict[str, None] = collections.OrderedDict()
        self._deleted: collections.OrderedDict[str, None] = collections.OrderedDict()
        self._keep_name: Callable[[str], None] = lambda name: None
        for name in naming.CATALOGUE:
            self._register(name)

    def recall(self, names: Iterable[str], keep: Callable[[str], None]) -> None:
        """Remember the names of earlier requests. From now on, call `keep` for each new name."""
        with self._lock:
            for name in names:
                self._remember(name.lower())
            self._keep_name = keep

    def now(self) -> float:
        """Return the sandbox's current time. It is constant if new_items_per_minute is 0."""
        if self.options.new_items_per_minute <= 0:
            return self.options.now
        return self.options.now + self._clock() - self._started

    def community(self, name: str) -> Community:
        """Return the community with this valid name. Its items are then in authors' histories."""
        lower = name.lower()
        with self._lock:
            self._remember(lower)
            found = self._ready.get(lower)
            if found is None:
                found = Community(self.options.seed, lower, self.authors, self.options.now)
                self._make_room(len(found.posts) + len(found.comments))
                self._ready[lower] = found
            self._ready.move_to_end(lower)
            found.grow(self.now(), self.options.new_items_per_minute)
            return found

    def _make_room(self, wanted: int) -> None:
        sizes = [len(each.posts) + len(each.comments) for each in self._ready.values()]
        kept = sum(sizes)
        for size in sizes:
            if kept + wanted <= READY_ITEMS:
                return
            self._ready.popitem(last=False)
            kept -= size

    def _remember(self, lower: str) -> None:
        if lower in naming.CATALOGUE or naming.script(lower) in naming.UNREADABLE:
            return
        if lower not in self._remembered:
            self._register(lower)
            self._keep_name(lower)
        self._remembered[lower] = None
        self._remembered.move_to_end(lower)
        if len(self._remembered) > REMEMBERED:
            self._forget(self._remembered.popitem(last=False)[0])

    def _register(self, lower: str) -> None:
        self._names_by_tag.setdefault(self._tag(lower), []).append(lower)
        self._name_by_id[community_ids.id_of(self.options.seed, lower)] = lower
        for author in self._members(lower):
            self._names_by_author.setdefault(author, []).append(lower)

    def _forget(self, lower: str) -> None:
        self._names_by_tag[self._tag(lower)].remove(lower)
        self._name_by_id.pop(community_ids.id_of(self.options.seed, lower), None)
        for author in self._members(lower):
            self._names_by_author[author].remove(lower)

    def _members(self, lower: str) -> list[int]:
        return self.authors.members_of(lower, naming.theme(self.options.seed, lower))

    def _tag(self, lower: str) -> int:
        return community_ids.tag(self.options.seed, lower)

    def resolve(self, fullname: str) -> Item | None:
        """Return the comment (t1_) or post (t3_) with this full name, or None if there is none."""
        kind, _, id36 = fullname.partition("_")
        place = keys.split_item_id(id36)
        if place is None or kind not in ("t1", "t3"):
            return None
        at, tag = place
        with self._lock:
            for name in self._names_by_tag.get(tag, ()):
                home = self.community(name)
                found = home.post_at(at) if kind == "t3" else home.comment_at(at)
                if found is not None:
                    return Item(home, found)
        return None

    def community_of_id(self, id36: str) -> Community | None:
        """Return the known community with this id (without `t5_`), or None."""
        with self._lock:
            name = self._name_by_id.get(id36)
            return self.community(name) if name else None

    def delete(self, fullname: str) -> None:
        """Mark an item as deleted by its author."""
        with self._lock:
            self._deleted[fullname] = None
            if len(self._deleted) > DELETIONS:
                self._deleted.popitem(last=False)

    def hold(self, fullname: str, *, held: bool) -> None:
        """Hide the item from listings, as a moderator's filter does, or show the item again."""
        with self._lock:
            self._held.pop(fullname, None)
            if held:
                self._held[fullname] = None
            if len(self._held) > DELETIONS:
                self._held.popitem(last=False)

    def is_listed(self, fullname: str) -> bool:
        return fullname not in self._deleted and fullname not in self._held

    def was_deleted(self, fullname: str) -> bool:
        """Return whether `delete` has marked the item."""
        return fullname in self._deleted

    def posts(self, home: Community) -> list[Post]:
        """Return the posts that a community's listings show, oldest first."""
        if not self._deleted and not self._held:
            return list(home.posts)
        return [post for post in home.posts if self.is_listed(Item(home, post).fullname)]

    def history(self, author: int, *, posts: bool, comments: bool, limit: int) -> list[Item]:
        """Return the newest items of an author in all known communities, newest first."""
        found: list[Item] = []
        with self._lock:
            for name in tuple(self._names_by_author.get(author, ())):
                home = self.community(name)
                own_posts, own_comments = home.by_author.get(author, ([], []))
                found += [Item(home, home.posts[i]) for i in own_posts[-limit:] if posts]
                found += [Item(home, home.comments[i]) for i in own_comments[-limit:] if comments]
        kept = (each for each in found if self._is_kept(each))
        return heapq.nlargest(limit, kept, key=lambda each: (each.what.at, each.fullname))

    def _is_kept(self, item: Item) -> bool:
        """Return whether the author's history has the item.

        As on Reddit, a history has removed posts but no removed comments.
        """
        state = item.what.state
        if state == community_module.REMOVED and isinstance(item.what, Comment):
            return False
        return state != community_module.DELETED and not self.was_deleted(item.fullname)
