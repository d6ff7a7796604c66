"""SQL statements for exports of crawled content. An export has lines of JSON, sorted by a key."""
