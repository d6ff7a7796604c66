"""`python -m crawlctl` runs the command line."""

from crawlctl.program import command

if __name__ == "__main__":
    command()
