"""`python -m edgecls`, where no script was installed."""

from edgecls.cli.app import main

main()
