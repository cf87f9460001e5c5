"""`python -m shared.messaging.dead_letters SERVICE list|show|replay|drop`."""

import sys

from shared.messaging.dead_letters.commands import main

sys.exit(main())
