# SPDX-License-Identifier: MIT
"""Runs tests, says how each went, and counts: what the test scripts share."""
import time


def of(names, namespace):
    """The functions test_* among a module's globals() whose names contain one of names (none: all), with what to call them."""
    return [(name[5:], f) for name, f in list(namespace.items())
            if name.startswith("test_") and callable(f) and (not names or any(n in name for n in names))]


def run(tests, skipped, failed):
    """tests: pairs of a name and a function. skipped, failed: the exceptions that mean so; any other ends the script. Returns its exit status."""
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for name, test in tests:
        start = time.monotonic()
        try:
            test()
            result, why = "passed", ""
        except skipped as e:
            result, why = "skipped", f": {e}"
        except failed as e:
            result, why = "failed", f": {e}" if type(e).__name__ in ("Failed", "TimeoutExpired") else f": {type(e).__name__}: {e}"
        counts[result] += 1
        print(f"{result:8}{name.replace('_', ' ')} ({time.monotonic() - start:.1f} s){why}", flush=True)
    if counts["skipped"]:
        print(f"{counts['skipped']} skipped")
    print(f"{counts['passed']} passed, {counts['failed']} failed")
    return 1 if counts["failed"] or not counts["passed"] else 0
