"""Hides the package rich, which the images of the services do not have.

structlog imports it if it is there, which takes 40 ms in each process that a test starts.
"""

raise ImportError("the services run without rich")
