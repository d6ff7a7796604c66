"""The entry point of `python -m onebox`, which `./run demo` starts."""

import gc
import signal

if __name__ == "__main__":
    # Until the demo handles signals itself, Ctrl-C ends this process without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from onebox.command_line import command

    gc.freeze()  # otherwise the garbage collection at exit would scan all modules, which is slow
    command(prog_name="./run demo")
