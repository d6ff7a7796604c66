"""The rules of crawljobs: values and functions that do no input or output."""
