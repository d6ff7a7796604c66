"""Events of webhooks, written in the transaction of the change and only if an endpoint wants them.

The statement that makes a change also returns whether an endpoint wants the type of its event
(`event_interest.wanted`). If so, a second statement of the same transaction writes the event, while
the changed row is locked.
"""
