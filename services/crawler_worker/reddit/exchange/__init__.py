"""One bounded HTTP exchange with Reddit."""
