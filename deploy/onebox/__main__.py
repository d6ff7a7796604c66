"""python -m onebox."""

import signal

if __name__ == "__main__":
    # Until the demo listens to it, Ctrl-C ends this process without a word.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from onebox.command_line import command

    command(prog_name="./run demo")
