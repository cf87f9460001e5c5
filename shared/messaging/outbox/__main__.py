"""`python -m shared.messaging.outbox SERVICE list|retry`."""

import sys

from shared.messaging.outbox.commands import main

sys.exit(main())
