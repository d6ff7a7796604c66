"""For clients of servers on this machine: to load certificates takes longer than most requests."""

import ssl

NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # nor would any server be trusted
