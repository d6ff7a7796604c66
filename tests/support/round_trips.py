"""Count the round trips between a client and Postgres, from the first BEGIN to the last COMMIT."""

from support.tcp_proxy import Message, Verdict


class RoundTrips:
    """Counts round trips as a rule of a TcpProxy. The rule lets all messages pass.

    A round trip begins with the client's first message after a message of the server. So several
    messages that the client sends together are one round trip.
    """

    def __init__(self) -> None:
        self.statements: list[list[str]] = []  # for each transaction: a text for each round trip
        self._server_spoke: dict[int, bool] = {}

    @property
    def counts(self) -> list[int]:
        """The number of round trips in each transaction, including BEGIN and COMMIT."""
        return [len(sent) for sent in self.statements]

    def __call__(self, message: Message) -> Verdict:
        link = message.link.number
        if not message.from_client:
            self._server_spoke[link] = True
            return Verdict.PASS
        if message.kind == b"Q" and message.payload.startswith(b"BEGIN"):
            self.statements.append([])
        if self.statements and self._server_spoke.get(link, True):
            self._server_spoke[link] = False
            self.statements[-1].append(message.payload[:40].decode(errors="replace"))
        return Verdict.PASS
