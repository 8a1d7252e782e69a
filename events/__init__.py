"""The durable kernel: an append-only log, and the work that appends to it.

It knows streams, work, sagas and dead letters. It has never heard of payroll.
"""
