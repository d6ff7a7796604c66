"""The commands: one module for each noun, such as `jobs`. A run imports only the chosen module."""
