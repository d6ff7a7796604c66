"""Exports into files: complete lines, keys of lines, continuation after an interruption."""
