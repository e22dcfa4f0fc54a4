"""``python -m p4verify``."""

import sys

from .cli import main

sys.exit(main())
