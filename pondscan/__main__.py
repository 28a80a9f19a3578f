"""Run the command line with ``python -m pondscan``."""

from pondscan.cli import main

if __name__ == "__main__":
    main()
