"""`python -m rebase` is `rhoai-rebase`."""

from rebase.cli import main

main()
