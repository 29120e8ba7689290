"""next_policy.py OLD NEW [PROGRAM]: writes the policy on standard input to NEW, changed by PROGRAM, with a serial above OLD's."""

import json
import pathlib
import sys
import time


def main():
    old, new, program = sys.argv[1:4]
    policy = json.load(sys.stdin)
    exec(program, {"policy": policy})
    policy["serial"] = max(policy["serial"], json.loads(pathlib.Path(old).read_text())["serial"] + 1)
    policy["issued"] = int(time.time())
    pathlib.Path(new).write_text(json.dumps(policy, indent=2) + "\n")


if __name__ == "__main__":
    main()
