"""Parts of the embedded Postgres: its programs, its folder, its pid file."""
