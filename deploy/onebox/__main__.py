"""python -m onebox."""

import gc
import signal

if __name__ == "__main__":
    # Until the demo listens to it, Ctrl-C ends this process without a word.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from onebox.command_line import command

    gc.freeze()  # what was imported stays: collecting it takes longest when the process ends
    command(prog_name="./run demo")
