"""`crawlctl completion`: the script that lets a shell complete commands and options."""

import click
from click.shell_completion import get_completion_class

from crawlctl.failures import CommandFailed

SHELLS = ("bash", "zsh", "fish")


@click.command(
    epilog="bash: source <(crawlctl completion bash). "
    "zsh: source <(crawlctl completion zsh). fish: crawlctl completion fish | source."
)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Write the script that completes commands in a shell."""
    found = get_completion_class(shell)
    if found is None:
        raise CommandFailed(f"There is no completion for {shell}.")
    root = context.find_root()
    click.echo(found(root.command, {}, "crawlctl", "_CRAWLCTL_COMPLETE").source())
