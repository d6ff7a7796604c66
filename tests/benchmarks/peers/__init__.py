"""The same small workloads for our queue and for those that others would pick, side by side."""
