"""`python -m openova_console`: the command line."""

from openova_console.cli.app import main

if __name__ == "__main__":
    main()
