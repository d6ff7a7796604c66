"""An SSL context for clients of local HTTP servers.

It loads no certificates, because the load takes longer than most requests.
"""

import ssl

NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # it trusts no HTTPS server
