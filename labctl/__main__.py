"""``python -m labctl``: what the launcher runs."""

import sys

from labctl.cli.app import main

sys.exit(main())
