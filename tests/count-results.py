#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Counts the test cases of a JUnit report of meson and prints one line: N passed, N failed, N skipped.

A case is what a test program reports as one (a line of TAP); a program that reports none is one case itself.
"""

import sys
import xml.etree.ElementTree


def outcome(element):
    if element.find("failure") is not None or element.find("error") is not None:
        return "failed"
    return "skipped" if element.find("skipped") is not None else "passed"


def main():
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for case in xml.etree.ElementTree.parse(sys.argv[1]).getroot().iter("testcase"):
        counts[outcome(case)] += 1
    print(", ".join(f"{number} {name}" for name, number in counts.items()))
    sys.exit(1 if counts["failed"] or not counts["passed"] else 0)


if __name__ == "__main__":
    main()
