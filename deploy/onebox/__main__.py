"""python -m onebox."""

from onebox.demo import command

if __name__ == "__main__":
    command(prog_name="./run demo")
