"""Output: data on standard output in six formats, words on standard error."""
