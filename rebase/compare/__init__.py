"""Two trees compared: what a rebase changes, for people to judge."""
