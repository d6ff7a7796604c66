"""Groups, steps and waits. The resolver is the only code that starts or ends steps."""
