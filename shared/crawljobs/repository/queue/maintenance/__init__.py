"""The statements of the sweeps, which periodically change a limited number of rows."""
