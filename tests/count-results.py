#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Counts the test cases of meson's testlog.json and prints one line, after what was skipped and why: N passed, N failed, N skipped.

A case is what a test program reports as one (a line of TAP); a program that reports none is one case itself. A program that dies after
its last good case has one failed case more: itself.
"""

import collections
import json
import re
import sys

PLAN = re.compile(r"1\.\.\d+\s*(#.*)?$")
CASE = re.compile(r"(not )?ok\b(.*)")
SKIP = re.compile(r"^(?:ok\b.*|1\.\.0\s*)#\s*SKIP\s*(.*)", re.IGNORECASE)
GOOD = ("OK", "EXPECTEDFAIL", "SKIP")


def count_cases(output):
    """The outcomes of the lines of TAP, nothing for a program that does not speak it."""
    counts = collections.Counter()
    lines = output.splitlines()
    if not any(PLAN.match(line) for line in lines):
        return counts
    for line in lines:
        case = CASE.match(line)
        if case and re.search(r"#\s*skip\b", case[2], re.IGNORECASE):
            counts["skipped"] += 1
        elif case:
            counts["failed" if case[1] else "passed"] += 1
    return counts


def count_program(record):
    counts = count_cases(record.get("stdout", ""))
    if record["result"] not in GOOD:
        counts["failed"] = max(1, counts["failed"])
    elif not counts:
        counts["skipped" if record["result"] == "SKIP" else "passed"] = 1
    return counts


def skip_reasons(record):
    """Why something of a program was skipped; a program that does not speak TAP says it in its last line."""
    said = record.get("stdout", "").splitlines()
    reasons = [reason[1] for line in said if (reason := SKIP.search(line))]
    if not reasons and record["result"] == "SKIP":
        reasons = (said + record.get("stderr", "").splitlines())[-1:]
    return reasons


def main():
    total = collections.Counter()
    skipped = {}
    with open(sys.argv[1], encoding="utf-8") as log:
        for line in log:
            record = json.loads(line)
            total += count_program(record)
            for reason in skip_reasons(record):
                skipped.setdefault(reason, {})[record["name"].split("/")[-1].strip()] = True
    for reason, names in skipped.items():
        print(f"Skipped in {', '.join(names)}: {reason}")
    print(", ".join(f"{total[name]} {name}" for name in ("passed", "failed", "skipped")))
    sys.exit(1 if total["failed"] or not total["passed"] else 0)


if __name__ == "__main__":
    main()
