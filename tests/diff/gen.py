#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write the assembly of one or more generated test bodies, a pure function of kind and seed."""
import argparse
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from body import Body, MAX_BODIES, batch_assembly     # noqa: E402
from kinds import KINDS                               # noqa: E402


def make(kind, seed, index=0):
    body = Body(kind, seed, index)
    KINDS[kind](body)
    return body


def seeds_of(kind, seeds):
    """Those of the seeds that the kind has: a kind of hand-written bodies has a fixed number."""
    count = getattr(sys.modules[KINDS[kind].__module__], "COUNT", None)
    return [s for s in seeds if count is None or s < count]


def bodies_of(kind, seeds):
    """The bodies of one program, each in the next place. A hand-written one has its own: divergences.json names addresses."""
    fixed = hasattr(sys.modules[KINDS[kind].__module__], "COUNT")
    return [make(kind, seed, seed if fixed else i) for i, seed in enumerate(seeds)]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", required=True, choices=sorted(KINDS))
    parser.add_argument("--seed", type=int, required=True, help="first seed")
    parser.add_argument("--count", type=int, default=1, help=f"bodies in the program, at most {MAX_BODIES}")
    parser.add_argument("-o", "--output", default="-")
    args = parser.parse_args()
    if not 1 <= args.count <= MAX_BODIES:
        parser.error(f"--count {args.count}: 1 to {MAX_BODIES} bodies fit")
    seeds = range(args.seed, args.seed + args.count)
    if len(seeds_of(args.kind, seeds)) < args.count:
        parser.error(f"--seed {args.seed} --count {args.count}: {args.kind} has fewer bodies")
    text = batch_assembly(bodies_of(args.kind, seeds))
    if args.output == "-":
        sys.stdout.write(text)
    else:
        with open(args.output, "w") as out:
            out.write(text)


if __name__ == "__main__":
    main()
