"""Compare this project's queue with other job queues, the peers, on the same small workloads."""
