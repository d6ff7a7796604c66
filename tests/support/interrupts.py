"""Give SIGINT its usual effect. Shells ignore SIGINT in background jobs and their children."""

# The start of the command line of a child that a test interrupts.
HEEDED = ("/usr/bin/env", "--default-signal=INT")
