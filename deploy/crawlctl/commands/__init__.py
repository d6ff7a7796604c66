"""The commands, one module for each noun. The command line imports only the chosen module."""
