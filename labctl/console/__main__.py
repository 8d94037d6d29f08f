"""``python -m labctl.console``: serve the console until it is told to stop."""

import sys

from labctl.console.serve import main

sys.exit(main())
