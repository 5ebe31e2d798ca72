"""A command that speaks JSON lines: requests on standard input, answers on descriptor 3."""

import json
import os
import sys

with os.fdopen(3, "w", buffering=1) as replies:
    for line in sys.stdin:
        request = json.loads(line)
        words = len(request["completion"].split())
        print("this is only seen in the reason of a failure", file=sys.stderr)
        json.dump({"nonce": request["nonce"], "score": min(1.0, words / 100)}, replies)
        replies.write("\n")
