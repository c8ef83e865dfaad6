"""`python -m certify` is the command `certify`."""

from __future__ import annotations

from certify.cli.app import main

if __name__ == "__main__":
    main()
