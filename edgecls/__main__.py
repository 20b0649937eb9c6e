"""`python -m edgecls`, where no script was installed."""

from edgecls.cli.app import main

if __name__ == "__main__":
    main()
