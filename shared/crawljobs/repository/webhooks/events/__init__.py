"""Events of webhooks, written in the transaction of the change and only if an endpoint wants them.

The statement of a change returns whether an endpoint wants its type (`event_interest.wanted`). Only
then a second statement of the same transaction writes the event, while the changed row is locked.
"""
