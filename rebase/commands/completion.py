"""`completion`: the script that makes a shell complete our commands and options."""

import click
from click.shell_completion import get_completion_class

from rebase.commands import options

PROGRAM = "rhoai-rebase"
VARIABLE = "_RHOAI_REBASE_COMPLETE"  # click's own name for it

EPILOG = f"""\b
Examples:
  source <(rhoai-rebase completion bash)
  rhoai-rebase completion bash >~/.local/share/bash-completion/completions/rhoai-rebase
  rhoai-rebase completion zsh >"${{fpath[1]}}/_rhoai-rebase"
  rhoai-rebase completion fish >~/.config/fish/completions/rhoai-rebase.fish

{options.SEE_EXIT_CODES}
"""


@click.command("completion", epilog=EPILOG)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion_command(ctx: click.Context, shell: str) -> None:
    """Print the script that completes commands and options in SHELL.

    It asks rhoai-rebase, as it is on PATH, at each TAB.
    """
    made = get_completion_class(shell)
    assert made is not None, shell
    click.echo(made(ctx.find_root().command, {}, PROGRAM, VARIABLE).source())
