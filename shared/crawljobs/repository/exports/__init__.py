"""SQL statements for exports of crawled content: lines of JSON in chunks, in the order of a key."""
