"""Tables that operators and processes use: audit log, tokens, instances, turns."""
