#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of what watches a run: traces in every format, statistics, profile, flight recorder.

run.py --build DIR [NAME...]   the tests whose names contain one of NAME; none = all
The last line is "N passed, N failed"; what cannot run here is skipped, and said.
"""
import argparse
import collections
import json
import os
import pty
import re
import subprocess
import sys
import tempfile

import pftrace

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tally  # noqa: E402

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
BUILD = ""
IN_USER_MODE = 401000  # by then the kernel of these tests has a process, on one hart; with each more it takes as much again
FORMATS = {"txt": "text", "jsonl": "jsonl", "spike": "spike", "pftrace": "perfetto", "json": "chrome", "ftrace": "ftrace", "vtrace": "pack"}


class Failed(Exception):
    pass


class Skipped(Exception):
    pass


def check(condition, what):
    if not condition:
        raise Failed(what)


def guest(name):
    for folder in ("tests/guest", "guests", "guests/ukern"):
        p = os.path.join(BUILD, folder, name + ".elf")
        if os.path.exists(p):
            return p
    raise Skipped(f"no {name}.elf")


def vitrine(*args, status=None, timeout=300, typed=b""):
    p = subprocess.run([os.path.join(BUILD, "vitrine"), *args], input=typed, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout)
    p.out, p.err = p.stdout.decode("latin-1"), p.stderr.decode("latin-1")
    if status is not None:
        check(p.returncode == status, f"status {p.returncode}, not {status}\n  stderr: {p.err[-1000:]!r}")
    return p


def kernel(harts, insns, *args, status=124):
    """A kernel of ours, with user processes, page faults, interrupts and firmware, for so many instructions."""
    return vitrine("run", "-smp", str(harts), "-kernel", guest("ukern"), "-nographic", "--quiet", "--max-insns", str(insns), *args,
                   status=status)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def records(path):
    return [json.loads(line) for line in read(path).decode().splitlines()]


def same_twice(harts, insns, kinds):
    with tempfile.TemporaryDirectory() as d:
        for again in "ab":
            kernel(harts, insns, *(w for s in FORMATS for w in ("--trace", f"{kinds}:{d}/{again}.{s}")))
        for s in FORMATS:
            a, b = read(f"{d}/a.{s}"), read(f"{d}/b.{s}")
            check(a == b, f"{FORMATS[s]}: {len(a)} and {len(b)} bytes that differ")
            check(len(a) > 1000 or "-insn" in kinds, f"{FORMATS[s]}: only {len(a)} bytes")
        # Alone and uncontended, by blocks, or with five others, one by one: packed in another way, but the same events.
        for again in "cd":
            kernel(harts, insns, "--trace", f"{kinds}:{d}/{again}.vtrace")
        check(read(f"{d}/c.vtrace") == read(f"{d}/d.vtrace"), "alone: bytes that differ")
        vitrine("trace", f"{d}/c.vtrace", "-o", f"{d}/c.jsonl", status=0)
        check(read(f"{d}/c.jsonl") == read(f"{d}/a.jsonl"), "alone it is another trace")


def test_the_same_run_gives_the_same_bytes():
    same_twice(1, 60000, "all")
    same_twice(1, IN_USER_MODE + 30000, f"all,if=clock > {IN_USER_MODE}")


def test_the_same_run_gives_the_same_bytes_with_four_harts():
    same_twice(4, 2500000, "all,-insn")
    same_twice(4, 60000, "all")


def test_packed_traces_become_what_was_written_directly():
    with tempfile.TemporaryDirectory() as d:
        late = f"if=clock > {IN_USER_MODE}"
        kernel(1, IN_USER_MODE + 40000, *(w for s in FORMATS for w in ("--trace", f"all,{late}:{d}/a.{s}")), "--trace",
               f"all,{late}:{d}/z.vtrace.zst", "--trace", f"trap,ret,{late} && cause == ecall_from_u:{d}/some.jsonl")
        for s in set(FORMATS) - {"vtrace"}:
            for packed in ("a.vtrace", "z.vtrace.zst"):
                vitrine("trace", f"{d}/{packed}", "-o", f"{d}/b.{s}", status=0)
                check(read(f"{d}/a.{s}") == read(f"{d}/b.{s}"), f"{FORMATS[s]} from {packed} differs from what was written directly")
        vitrine("trace", f"{d}/a.vtrace", "trap,ret,if=cause == ecall_from_u", "-o", f"{d}/b.jsonl", status=0)
        check(read(f"{d}/some.jsonl") == read(f"{d}/b.jsonl"), "filtered later is not what was filtered at once")
        p = vitrine("trace", f"{d}/a.vtrace", "trap", status=0)
        check(p.out and all(" trap " in line for line in p.out.splitlines()), "text goes to standard output")
        for size in (100, 5000):
            with open(f"{d}/cut.vtrace", "wb") as f:
                f.write(read(f"{d}/a.vtrace")[:size])
            p = vitrine("trace", f"{d}/cut.vtrace", status=125)
            check("cut short" in p.err or "not a packed trace" in p.err, p.err)
        p = vitrine("trace", f"{d}/a.txt", status=125)
        check("not a packed trace" in p.err, p.err)


def test_a_conversion_says_at_a_terminal_how_far_it_is():
    with tempfile.TemporaryDirectory() as d:
        kernel(1, 8000000, "--trace", f"insn:{d}/a.vtrace")
        ours, theirs = pty.openpty()
        vitrine_at = [os.path.join(BUILD, "vitrine"), "trace", f"{d}/a.vtrace", "-o", "/dev/null", "--trace-format", "jsonl"]
        with subprocess.Popen(vitrine_at, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=theirs) as p:
            os.close(theirs)
            said = b""
            try:
                while part := os.read(ours, 4096):
                    said += part
            except OSError:  # the other end is closed
                pass
        os.close(ours)
        check(p.returncode == 0, f"status {p.returncode}")
        check(re.search(rb"a\.vtrace: \d+%, [\d.]+ million events", said), f"no word of how far it is: {said[-200:]!r}")
        check(said.endswith(b"\r\x1b[K"), f"the line stays: {said[-50:]!r}")
        check(not vitrine("trace", f"{d}/a.vtrace", "-o", "/dev/null", "--trace-format", "jsonl", status=0).err, "it says so where there is no terminal")


def test_blocks_and_single_instructions_tell_the_same():
    """A condition on a register has the machine run one instruction at a time; without one it runs, and tells, whole blocks."""
    guests = [("ukern", harts, 1200000) for harts in (1, 4)] + [(name, 1, 200000) for name in ("micro", "leaky")]
    with tempfile.TemporaryDirectory() as d:
        for name, harts, insns in guests:
            for to, condition in (("a", ""), ("b", ",if=$sp == $sp")):
                vitrine("run", "-smp", str(harts), "-kernel", guest(name), "-nographic", "--quiet", "--max-insns", str(insns), "--trace",
                        f"all{condition}:{d}/{to}.vtrace")
                vitrine("trace", f"{d}/{to}.vtrace", "-o", f"{d}/{to}.jsonl", status=0)
            check(read(f"{d}/a.jsonl") == read(f"{d}/b.jsonl"), f"{name}, {harts} harts: they differ")
            check(os.path.getsize(f"{d}/a.jsonl") > 100000, f"{name}: hardly anything")


def test_zstd_files_hold_the_same():
    with tempfile.TemporaryDirectory() as d:
        kernel(1, 40000, "--trace", f"all:{d}/a.jsonl", "--trace", f"all:{d}/b.jsonl.zst")
        try:
            plain = subprocess.run(["zstd", "-dc", f"{d}/b.jsonl.zst"], stdout=subprocess.PIPE, check=True).stdout
        except FileNotFoundError as e:
            raise Skipped("no zstd") from e
        check(plain == read(f"{d}/a.jsonl"), "what zstd unpacks differs")
        check(os.path.getsize(f"{d}/b.jsonl.zst") * 5 < len(plain), "it is hardly smaller")


def test_json_lines_are_valid():
    try:
        import jsonschema
    except ImportError as e:
        raise Skipped("no jsonschema for Python") from e
    with open(os.path.join(ROOT, "docs/event.schema.json"), encoding="utf-8") as f:
        schema = json.load(f)
    whole = jsonschema.Draft7Validator(schema)
    whole.check_schema(schema)
    with tempfile.TemporaryDirectory() as d:
        kernel(2, 1200000, "--trace", f"all,-insn:{d}/a.jsonl", "--trace", f"insn,if=clock % 23 == 0:{d}/b.jsonl")
        kinds = collections.Counter()
        for r in records(f"{d}/a.jsonl") + records(f"{d}/b.jsonl"):
            kinds[r["kind"]] += 1
            if kinds[r["kind"]] <= 150:
                whole.validate(r)
        for kind in ("insn", "trap", "ret", "mode", "csr", "ptr", "pte", "tlb_fill", "tlb_flush", "mmio"):
            check(kinds[kind] > 0, f"no event of kind {kind} was there to check")
        line = records(f"{d}/a.jsonl")[0]
        for change in ({"kind": "nonsense"}, {"clock": -1}, {"mode": "X"}, {"pc": "80000000"}, {"more": 1}):
            check(not whole.is_valid({**line, **change}), f"the schema accepts {change}")
        for member in line:
            check(not whole.is_valid({k: v for k, v in line.items() if k != member}) or member.endswith("_symbol"), f"the schema does not need {member}")


def test_json_lines_of_the_vmm_are_valid():
    """No member stands in a line twice, and the schema knows each kind."""
    def once(members):
        names = [name for name, _ in members]
        check(len(names) == len(set(names)), f"a member is there twice: {names}")
        return dict(members)

    try:
        import jsonschema
        with open(os.path.join(ROOT, "docs/event.schema.json"), encoding="utf-8") as f:
            whole = jsonschema.Draft7Validator(json.load(f))
    except ImportError:
        whole = None
    for technique, guest in (("trap", "mono"), ("nested", "mono"), ("para", "para")):
        with tempfile.TemporaryDirectory() as d:
            subprocess.run([os.path.join(BUILD, "vitrine"), "run", "--vmm", technique, "-kernel", os.path.join(BUILD, "guests", f"{guest}.elf"), "-m", "32M",
                            "-serial", "null", "--max-insns", "150000", "--trace", f"all,-insn:{d}/a.jsonl"], stderr=subprocess.DEVNULL, check=False)
            kinds = collections.Counter()
            for text in read(f"{d}/a.jsonl").splitlines():
                line = json.loads(text, object_pairs_hook=once)
                kinds[line["kind"]] += 1
                if whole and kinds[line["kind"]] <= 40:
                    whole.validate(line)
            check(kinds["vm_exit"] and kinds["vm_entry"] and kinds["vm_emulate"], f"steps under {technique}: {kinds}")


def test_the_pages_on_events_are_current():
    for name in ("events.md", "event.schema.json"):
        printed = vitrine("help", name, status=0).stdout
        kept = read(os.path.join(ROOT, "docs", name))
        check(printed == kept, f"docs/{name} is old: vitrine help {name} >docs/{name}")


def test_perfetto_slices_nest():
    with tempfile.TemporaryDirectory() as d:
        kernel(4, 3000000, "--trace", f"cpu,dev,sbi,tlb_fill:{d}/a.pftrace", "--trace", f"cpu,dev,sbi,tlb_fill:{d}/a.jsonl")
        trace = pftrace.Trace(read(f"{d}/a.pftrace"))
        events = records(f"{d}/a.jsonl")
    named = {t["name"]: u for u, t in trace.tracks.items()}
    check(sum(t["process"] for t in trace.tracks.values()) == 1, "one process")
    harts = {e["hart"] for e in events}
    check(len(harts) == 4, f"harts {harts}")
    for h in harts:
        check(trace.tracks[named[f"hart {h}"]]["thread"], f"hart {h} is a thread")
    check("hart 0 U" in named and "hart 0 S" in named, f"modes are tracks: {sorted(named)}")
    deepest, open_slices, last = 0, collections.defaultdict(list), collections.defaultdict(int)
    flows = collections.defaultdict(list)
    for e in trace.events:
        track = trace.tracks[e["track"]]
        check(e["ns"] >= last[e["track"]], f"time goes back on {track['name']}")
        last[e["track"]] = e["ns"]
        check(track["counter"] == (e["type"] == pftrace.TYPE_COUNTER), f"counters on counters' tracks: {track['name']}")
        stack = open_slices[e["track"]]
        if e["type"] == pftrace.TYPE_BEGIN:
            stack.append(e)
            deepest = max(deepest, len(stack))
        elif e["type"] == pftrace.TYPE_END:
            check(stack, f"an end without a beginning on {track['name']} at {e['ns']}")
            check(stack.pop()["ns"] <= e["ns"], "a slice ends before it begins")
        for flow in e["flows"]:
            flows[flow].append(e)
        for parent in (track["parent"],):
            check(parent is None or parent in trace.tracks, "a track's parent is known")
    check(not any(open_slices.values()), "all slices end")
    check(deepest >= 2, f"traps within traps: {deepest} deep")
    traps = [e for e in trace.events if e["type"] == pftrace.TYPE_BEGIN and e["track"] in {named[f"hart {h}"] for h in harts}]
    want = [(e["hart"], e["clock"], e["cause_name"]) for e in events if e["kind"] == "trap"]
    got = [(int(trace.tracks[e["track"]]["name"].split()[1]), e["ns"], e["name"]) for e in traps]
    check(got == want, f"{len(got)} slices of traps, {len(want)} traps")
    check(all(e["args"]["cause"] == e["name"] and e["category"] == "cpu" for e in traps), "a trap's arguments")
    arrows = sum(len(f) >= 2 for f in flows.values())
    check(arrows > len(traps) * 0.9 and all(len(f) <= 3 for f in flows.values()), f"{arrows} arrows for {len(traps)} traps")
    counters = [e for e in trace.events if e["type"] == pftrace.TYPE_COUNTER]
    last_insns = max(e["value"] for e in counters if trace.tracks[e["track"]]["name"] == "hart 0 instructions")
    check(last_insns == max(e["insn"] for e in events if e["hart"] == 0), "the last sample counts all instructions")
    fills = max(e["value"] for e in counters if trace.tracks[e["track"]]["name"] == "hart 0 TLB fills")
    check(fills == sum(e["kind"] == "tlb_fill" and e["hart"] == 0 for e in events), "and all TLB fills")


def test_chrome_slices_nest():
    with tempfile.TemporaryDirectory() as d:
        kernel(2, 1200000, "--trace", f"all,-insn,-mmu:{d}/a.json", "--trace", f"insn,if=clock < 20000:{d}/b.json")
        for name in "ab":
            events = json.loads(read(f"{d}/{name}.json"))["traceEvents"]
            stacks, begun = collections.defaultdict(int), 0
            for e in events:
                where = (e["pid"], e["tid"])
                if e["ph"] == "B":
                    stacks[where] += 1
                    begun += 1
                elif e["ph"] == "E":
                    stacks[where] -= 1
                    check(stacks[where] >= 0, f"an end without a beginning on {where}")
            check(begun > 50 and not any(stacks.values()), f"{begun} slices, and all end")


def test_spike_log():
    line = re.compile(r"core +\d+: [0-3] 0x[0-9a-f]{16} \(0x(?:[0-9a-f]{4}|[0-9a-f]{8})\)(?: [xf](?:\d |\d\d) 0x[0-9a-f]{16})?"
                      r"(?: c\d+_\w+ 0x[0-9a-f]{16})*(?: mem 0x[0-9a-f]{16}(?: 0x(?:[0-9a-f]{2}){1,8})?){0,2}")
    with tempfile.TemporaryDirectory() as d:
        kernel(1, 50000, "--trace", f"insn:{d}/a.spike")
        lines = read(f"{d}/a.spike").decode().splitlines()
        check(len(lines) == 50000, f"{len(lines)} lines for 50000 instructions")
        bad = [text for text in lines if not line.fullmatch(text)]
        check(not bad, f"not as Spike prints it: {bad[:3]}")
        check(any("_satp " in text for text in lines), "writes of CSRs are told")


def test_filters():
    with tempfile.TemporaryDirectory() as d:
        kernel(2, 1200000, "--trace", f"all,-insn:{d}/all.jsonl", "--trace", f"trap,if=cause == store_page_fault && mode == U:{d}/faults.jsonl",
               "--trace", f"mmio,if=hart == 0 && write:{d}/writes.jsonl", "--trace", f"csr,if=new & ~old & 1:{d}/bits.jsonl",
               "--trace", f"insn,if=$sp < 0x1000 && mode == U && mem_size == 1:{d}/bytes.jsonl", "--trace", f"cpu,-csr*,t*:{d}/some.jsonl")
        everything = records(f"{d}/all.jsonl")
        for name, want in (
                ("faults", lambda r: r["kind"] == "trap" and r["cause"] == "0xf" and r["mode"] == "U"),
                ("writes", lambda r: r["kind"] == "mmio" and r["hart"] == 0 and r["write"]),
                ("bits", lambda r: r["kind"] == "csr" and int(r["new"], 16) & ~int(r["old"], 16) & 1),
                ("some", lambda r: r["kind"] in ("trap", "ret", "mode", "ptr", "tlb_fill", "tlb_flush"))):
            got, chosen = records(f"{d}/{name}.jsonl"), [r for r in everything if want(r)]
            check(got == chosen and got, f"{name}: {len(got)} events, {len(chosen)} by hand")
    for text, why in (("nothing", "no kind 'nothing'"), ("trap,if=", "if="), ("trap,if=cause == nowhere", "nowhere"), ("trap,if=cause == 1,2", ":FILE"),
                      ("trap:/nowhere/at/all", "/nowhere/at/all"), ("insn,if=cause == 1", "no cause")):
        p = kernel(1, 1000, "--trace", text, status=125)
        check(why in p.err, f"{text}: {p.err!r}")
    p = kernel(1, 1000, "--trace", "trap", "--trace-format", "postscript", status=125)
    check("no such format" in p.err and "perfetto" in p.err, p.err)


def test_a_full_disk_is_told():
    if not os.path.exists("/dev/full"):
        raise Skipped("no /dev/full")
    p = kernel(1, 50000, "--trace", "insn:/dev/full", status=125)
    check("not all could be written" in p.err, p.err)


def test_formats_are_chosen_by_option_and_suffix():
    with tempfile.TemporaryDirectory() as d:
        kernel(1, 20000, "--trace", f"csr:{d}/a", "--trace-format", "jsonl", "--trace", f"csr:{d}/b.txt")
        check(read(f"{d}/a").startswith(b"{") and read(f"{d}/a") == read(f"{d}/b.txt"), "--trace-format is for those before and behind it")
        p = kernel(1, 20000, "--trace", "csr")
        check(re.search(r"^ +\d+ h0 M  [0-9a-f]{16} .* csr +csr mtvec, 0x0 -> 0x", p.err, re.M), "text on standard error")
        p = kernel(1, 20000, "--trace", "csr:-", "--trace-format=jsonl")
        check(sum(line.startswith("{") for line in p.out.splitlines()) > 5, "- is standard output")


def test_stats_agree_with_the_trace():
    with tempfile.TemporaryDirectory() as d:
        kernel(2, 2000000, "--trace", f"all,-insn:{d}/a.jsonl", f"--stats=json:{d}/s.json")
        kernel(2, 2000000, f"--stats=full,json:{d}/f.json")
        p = kernel(2, 2000000, "--stats")
        events, stats, full = records(f"{d}/a.jsonl"), json.loads(read(f"{d}/s.json")), json.loads(read(f"{d}/f.json"))
    kinds = collections.Counter(e["kind"] for e in events)
    traps = collections.Counter((e["cause"], e["mode"], e["to"]) for e in events if e["kind"] == "trap")
    check({(t["cause"], t["from"], t["to"]): t["count"] for t in stats["traps"]} == traps, "traps")
    check(sum(w["pte_reads"] for w in stats["walks"].values()) == kinds["pte"] > 0, "PTEs read")
    check(sum(stats["tlb"]["fills"].values()) == kinds["tlb_fill"] > 0, "TLB fills")
    mmio = collections.Counter((e["device"], e["write"]) for e in events if e["kind"] == "mmio")
    check({(m["device"], w): m[n] for m in stats["mmio"] for w, n in ((False, "reads"), (True, "writes")) if m[n]} == mmio, "MMIO")
    check(stats["instructions"] == sum(stats["harts"]) == 2000000, "instructions")
    check(sum(full["classes"].values()) == sum(full["modes"].values()) == 2000000, "classes and modes")
    check(0.9 < full["tlb"]["data_hit_rate"] < 1 and 0.9 < full["tlb"]["fetch_hit_rate"] < 1, "hit rates")
    same = [k for k in stats if k not in ("host_seconds", "mips", "runs", "tlb", "walks", "input_polls")]  # the observed loop fetches by a TLB of its own
    check(all(stats[k] == full[k] for k in same), "observed, the run is the same")
    check(re.search(r"^instructions +2000000$", p.err, re.M) and "store page fault" in p.err, "text")
    p = vitrine("run", "-kernel", guest("sbi"), "-smp", "4", "--quiet", "--stats=json", typed=b"input!", status=0)
    calls = {(c["name"], c["function_name"]) for c in json.loads(p.err[p.err.index("{"):])["sbi"]}
    check(("BASE", "get_spec_version") in calls or len(calls) > 5, f"SBI calls {sorted(calls)[:5]}")


def test_profile():
    with tempfile.TemporaryDirectory() as d:
        p = kernel(2, 20000000, f"--profile={d}/a")
        kernel(2, 20000000, f"--profile={d}/b")
        check(read(f"{d}/a") == read(f"{d}/b"), "the same run has the same profile")
        lines = read(f"{d}/a").decode().splitlines()
    check(all(re.fullmatch(r"(M|S|U)(;[^;]+)+ \d+", line) for line in lines), f"folded stacks: {lines[:3]}")
    total = sum(int(line.rsplit(" ", 1)[1]) for line in lines)
    check(abs(total - 20000000) < 200000, f"samples stand for {total} instructions")
    check("with callees" in p.err and re.search(r"^ *\d+\.\d% +\d+\.\d%  memset$", p.err, re.M), p.err[:500])
    check(sum(";" in line.split(";", 1)[1] for line in lines) * 2 > len(lines), "most stacks are deeper than one function")


def test_the_flight_recorder_tells_how_it_came():
    p = vitrine("run", "-kernel", guest("stuck"), "-nographic", "--quiet", status=126)
    check("recorded events" not in p.err, "--quiet is quiet")
    p = vitrine("run", "-kernel", guest("stuck"), "-nographic", status=126)
    check(re.search(r"the last of 1\d\d\d recorded events", p.err) and 1 <= p.err.count(" trap ") <= 3, f"a thousand times the same, told once: {p.err[-500:]}")
    p = vitrine("run", "-kernel", guest("test-fail"), "-nographic")
    check(p.returncode not in (0, 124, 125) and "device test, write true" in p.err, p.err)
    p = vitrine("run", "-kernel", guest("test-pass"), "-nographic", status=0)
    check("recorded events" not in p.err, "a good end needs no explanation")
    with tempfile.TemporaryDirectory() as d:
        kernel(1, 30000000, "--post-mortem", f"{d}/a.jsonl")
        kept = records(f"{d}/a.jsonl")
        check(len(kept) == 4096 and kept == sorted(kept, key=lambda r: r["clock"]), f"{len(kept)} events")
        check({"trap", "ret"} <= {r["kind"] for r in kept}, "the slow kinds")
        kernel(1, 30000000, "--post-mortem", f"{d}/a.pftrace")
        check(pftrace.Trace(read(f"{d}/a.pftrace")).events, "any format")


def test_help():
    p = vitrine("help", "events", status=0)
    check(all(word in p.out for word in ("insn", "tlb_fill", "perfetto", ".vtrace")), p.out[:300])
    check("vitrine trace FILE.vtrace" in vitrine("trace", "--help", status=0).out, "vitrine trace --help")
    check("needs an argument" in vitrine("trace", "-o", status=125).err, "an option without its argument")


def main():
    global BUILD
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("names", nargs="*")
    a = parser.parse_args()
    BUILD = a.build
    return tally.run(tally.of(a.names, globals()), Skipped, (Failed, subprocess.TimeoutExpired))


if __name__ == "__main__":
    sys.exit(main())
