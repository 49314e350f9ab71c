# SPDX-License-Identifier: MIT
"""vitrine compare, its formats, its model of time and its checks; --vmstat. run.py runs these too."""
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(HERE, "..", "guest"))
import run as guest  # noqa: E402
from run import check, ends, vitrine  # noqa: E402

COSTS = os.path.join(HERE, "..", "..", "docs", "costs.yaml")
SCRIPT = b"ls\ncat motd\nprimes 500\n"


def _compare(*args, timeout=300):
    return vitrine("compare", *args, timeout=timeout)


def _json(*args, status=0):
    r = _compare(*args, "--format", "json")
    ends(r, status)
    return json.loads(r.out)


def _script(folder):
    name = os.path.join(folder, "script")
    with open(name, "wb") as f:
        f.write(SCRIPT)
    return name


def _row(text, name):
    """The figures of a row of the first table."""
    found = re.search(rf"^  {re.escape(name)}  +([-\d_. ]+)$", text, re.M)
    check(found, f"no row {name!r} in {text[:3000]}")
    return [None if w == "-" else float(w.replace("_", "")) for w in found.group(1).split()]


def _all_techniques():
    out = subprocess.run([guest.path("vitrine"), "run", "--vmm", "help"], stdout=subprocess.PIPE, check=True).stdout.decode()
    return re.findall(r"^  (\w+) ", out, re.M)


def test_compare_without_a_guest_file():
    """What cannot be started is told once, and the others are compared."""
    r = _compare("/nowhere.elf", guest.guest("hello"), "--techniques", "trap,nested")
    ends(r, 125, err=r"^vitrine: compare: .*/nowhere.elf: No such file")
    check("hello.elf: ended with status 0" in r.out and "nowhere" not in r.out and r.err.count("\n") == 1, "one line, one table", r)
    r = _compare("/nowhere.elf", "--techniques", "trap,nested", "--format", "json")
    names = [x["technique"] for x in json.loads(r.out)["guests"][0]["runs"]]
    check(names == ["native", "trap", "nested"], f"{names}")


def test_compare_tells_who_waits():
    """At a terminal a line tells how far it is, and is gone in the end."""
    import pty
    master, side = pty.openpty()
    with tempfile.TemporaryDirectory() as d:
        script = os.path.join(d, "script")
        with open(script, "w", encoding="ascii") as f:
            f.write("bench 300\nexit\n")
        p = subprocess.Popen([guest.path("vitrine"), "compare", guest.guest("micro"), "--techniques", "trap", "--input", script], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=side)
        os.close(side)
        told = b""
        try:
            while True:
                told += os.read(master, 65536)
        except OSError:  # it has ended
            pass
        told = told.decode()
        out = p.communicate(timeout=120)[0].decode()
    os.close(master)
    check(re.search(r"\r\x1b\[Kmicro\.elf, \w+: [\d.]+ million instructions", told) and told.endswith("\r\x1b[K"), f"{told[-200:]!r}")
    check("\x1b" not in out and "ratio to native" in out, out[:300])


def test_compare_para_of_what_is_not_ported():
    r = _compare(guest.guest("hello"), "--techniques", "trap,para")
    ends(r, 0, "para: the guest makes no hypercalls: it ran as under trap")


def test_compare_text():
    """The same bytes each time; the same instructions everywhere; what was interpreted, emulated and run adds up."""
    with tempfile.TemporaryDirectory() as d:
        args = (guest.guest("mono"), guest.guest("hello"), "-m", "32M", "--input", _script(d))
        r, again = _compare(*args), _compare(*args)
    ends(r, 0, "mono.elf: waits for input, after ")
    check(r.out == again.out, "two runs print different things")
    names = re.search(r"^ +native (.*)$", r.out, re.M).group(1).split()
    check(names == _all_techniques(), f"columns {names}")
    n = _row(r.out, "guest instructions")
    check(len(n) == len(names) + 1 and len(set(n)) == 1 and n[0] > 200000, f"instructions {n}")
    real, interpreted, one_by_one = _row(r.out, "  on the real hart"), _row(r.out, "  interpreted"), _row(r.out, "  emulated one by one")
    for i in range(len(n)):
        check(real[i] + interpreted[i] + one_by_one[i] == n[i], f"column {i}: {real[i]} + {interpreted[i]} + {one_by_one[i]}, not {n[i]}")
    check(interpreted[1] == n[0] and real[0] == n[0] and real[names.index("nested") + 1] > 0.8 * n[0], f"{interpreted} {real}")
    check("hello.elf: ended with status 0" in r.out and r.out.rstrip().endswith("not measured."), r.out[-300:])
    check("not the same" not in r.out, r.out[-600:])


def test_compare_json_adds_up():
    """What the model makes of the counts, computed anew from what the file says of both."""
    with tempfile.TemporaryDirectory() as d:
        data = _json(guest.guest("mono"), "-m", "32M", "--input", _script(d))
    check(data["format"] == "vitrine compare 1" and data["model"]["file"] is None and len(data["guests"]) == 1, str(data)[:300])
    model, runs = data["model"], data["guests"][0]["runs"]
    charged = {("hardware", "instruction"): "real", ("hardware", "trap"): "traps", ("hardware", "pte_read"): "pte_reads",
               ("hardware", "tlb_fill"): "tlb_fills", ("hardware", "tlb_flush"): "tlb_flushes", ("hardware", "mmio"): "mmio",
               ("hardware", "trap_hs"): "entries", ("software", "world_switch"): "entries", ("software", "interpreted"): "interpreted",
               ("software", "pte_read"): "pte_reads_software", ("software", "firmware_call"): "firmware_calls"}
    check({(s, k) for s in ("hardware", "software") for k in model[s]} == set(charged), f"other costs: {model}")
    for r in runs:
        what, counts = r["technique"], r["counts"]
        total = sum(model[s][k] * counts[name] for (s, k), name in charged.items())
        exits, steps = (sum(model[s][k] * r[s][k] for k in r[s]) for s in ("exits", "steps"))
        cycles = r["cycles"]
        check(abs(cycles["total"] - total - exits - steps) < 0.5, f"{what}: {cycles['total']}, not {total + exits + steps}")
        check(abs(sum(v for k, v in cycles.items() if k != "total") - cycles["total"]) < 0.5, f"{what}: parts {cycles}")
        check(cycles["exits"] == exits and cycles["VMM steps"] == steps, f"{what}: {cycles}")
        check(sum(r["exits"].values()) == counts["exits"] and sum(r["steps"].values()) == counts["steps"], f"{what}: sums")
        check(abs(r["ratio"] - cycles["total"] / runs[0]["cycles"]["total"]) < 1e-4 * r["ratio"], f"{what}: ratio {r['ratio']}")
        check(r["same_as_native"] and r["end"] == "waits", f"{what}: {r['end']}")
    by = {r["technique"]: r for r in runs}
    check(by["native"]["counts"]["exits"] == 0 and by["emulate"]["counts"]["entries"] == 0, "exits of native, entries of emulate")
    check(by["nested"]["counts"]["walks_second_stage"] > 0 == by["trap"]["counts"]["walks_second_stage"], "second stage")
    check(by["trap"]["counts"]["exits"] > 3 * by["nested"]["counts"]["exits"] > 0, "trap has more exits than nested")
    check(by["native"]["counts"]["traps"] == by["nested"]["counts"]["traps"] and by["trap"]["counts"]["traps"] == 0, "the guest's own traps")
    check(1 < by["nested"]["ratio"] < by["trap"]["ratio"] < by["emulate"]["ratio"], "ratios")


def test_compare_counts_as_run_does():
    """The same figures as `vitrine run --stats` has, which counts in another way."""
    limit = ("--max-insns", "400000", "-m", "32M")
    runs = _json(guest.guest("mono"), *limit, "--idle", "60", "--techniques", "trap,nested")["guests"][0]["runs"]
    check([r["end"] for r in runs] == ["limit"] * 3 and {r["counts"]["instructions"] for r in runs} == {400000}, str([r["end"] for r in runs]))
    bare = vitrine("--stats=json", "-cpu", "rv64,h=false", "-kernel", guest.guest("mono"), *limit)
    stats = json.loads(bare.err[bare.err.index("{"):])
    walks, tlb = stats["walks"]["S"], stats["tlb"]
    expected = {"walks": walks["walks"], "walks_second_stage": 0, "pte_reads": walks["pte_reads"], "tlb_fills": sum(tlb["fills"].values()),
                "tlb_flushes": sum(tlb["flushes"].values()), "traps": sum(t["count"] for t in stats["traps"]),
                "mmio": sum(d["reads"] + d["writes"] for d in stats["mmio"]), "firmware_calls": sum(c["calls"] for c in stats["sbi"])}
    found = {k: runs[0]["counts"][k] for k in expected}
    cuts = 400000 // 100000  # where compare looks at the guest, the TLB may be filled once more
    check(0 <= found["tlb_fills"] - expected["tlb_fills"] <= cuts, f"native: {found}, {expected}")
    found["tlb_fills"] = expected["tlb_fills"]
    check(found == expected and found["walks"] > 100, f"native: {found}, {expected}")
    for r in runs[1:]:
        stats = vitrine("--vmm", r["technique"], "--stats", "-kernel", guest.guest("mono"), *limit).err
        exits = {m.group(1): int(m.group(2)) for m in re.finditer(r"^  exits (\w+) +(\d+)$", stats, re.M)}
        cut = r["exits"]["budget"] - exits["budget"]  # each is an exit, and an entry behind it
        check(0 <= cut <= cuts, f"{r['technique']}: {r['exits']}, {exits}")
        exits["budget"] += cut
        check(exits == {k: v for k, v in r["exits"].items() if v}, f"{r['technique']}: {r['exits']}, {exits}")
        check(f"entries         {r['counts']['entries'] - cut}, table entries filled {r['counts']['filled']}," in stats, f"{r['technique']}: {stats}")


def test_compare_svg():
    """A drawing that a browser opens by itself: pieces of bars as long as the model says, and a word for each."""
    with tempfile.TemporaryDirectory() as d:
        out = os.path.join(d, "chart.svg")
        args = (guest.guest("mono"), "-m", "32M", "--input", _script(d), "--techniques", "trap,nested")
        ends(_compare(*args, "-o", out), 0)
        with open(out, encoding="utf-8") as f:
            text = f.read()
        data = _json(*args)
    root = xml.etree.ElementTree.fromstring(text)
    check(not re.search(r"(href|src|@import|url\()", text) and text.count("http") == 1, "it needs something from outside")
    ns = "{http://www.w3.org/2000/svg}"
    pieces = [e for e in root.iter(ns + "rect") if e.find(ns + "title") is not None]
    runs = data["guests"][0]["runs"]
    expected = [r["cycles"][k] for r in runs for k in r["cycles"] if k != "total" and r["cycles"][k] > 0]
    check(len(pieces) == len(expected), f"{len(pieces)} pieces, {len(expected)} parts")
    at = 0
    for r in runs:
        n = sum(1 for k in r["cycles"] if k != "total" and r["cycles"][k] > 0)
        widths = [float(e.get("width")) for e in pieces[at:at + n]]
        for w, v in zip(widths, expected[at:at + n]):
            check(abs(w / sum(widths) - v / r["cycles"]["total"]) < 0.002, f"{r['technique']}: {widths}")
        at += n
    words = "".join(root.itertext())
    for word in ("native", "trap", "nested", "switches", "VMM steps", "mono.elf", "1.00", f"{runs[2]['ratio']:.2f}"):
        check(word in words, f"no {word!r}")


def test_compare_costs():
    """docs/costs.yaml is the built-in model; another file changes what it says, and one with mistakes is refused."""
    hello = guest.guest("hello")
    plain, given = _json(hello), _json(hello, "--costs", COSTS)
    check(given["model"].pop("file") == COSTS and plain["model"].pop("file") is None, "the file's name")
    check(plain == given, "docs/costs.yaml is not the built-in model")
    with open(COSTS, encoding="utf-8") as f:
        text = f.read()
    keys = re.findall(r"^(?:  )?(\w+):", text, re.M)
    known = [k for s in ("hardware", "software", "exits", "steps") for k in (s, *plain["model"][s])]
    check(keys == known, f"docs/costs.yaml has {set(keys) ^ set(known)} or another order")
    with tempfile.TemporaryDirectory() as d:
        name = os.path.join(d, "costs.yaml")
        with open(name, "w", encoding="utf-8") as f:
            f.write("hardware:\n  instruction: 2.5\n")
        run = _json(hello, "--costs", name)["guests"][0]["runs"][0]
        check(run["cycles"]["guest"] == 2.5 * run["counts"]["instructions"], str(run["cycles"]))
        with open(name, "w", encoding="utf-8") as f:
            f.write("hardware:\n  instruction: 2\n  insruction: 2\n")
        ends(_compare(hello, "--costs", name), 125, "", rf"{name}: line 3: hardware has no key 'insruction': there are instruction, ")


def test_compare_checks():
    """Clean guests under all techniques, with both checks."""
    r = _compare(guest.guest("mono"), guest.guest("leaky"), "-m", "32M", "--max-insns", "350000", "--idle", "60", "--check", "--check-shadow", timeout=600)
    ends(r, 0)
    found = re.findall(r"^  (\w+): --check: no difference in (\d+) comparisons$", r.out, re.M)
    check([n for n, _ in found] == 2 * _all_techniques() and all(int(n) > 0 for _, n in found), f"{found}")
    tables = dict(re.findall(r"^  (\w+): --check-shadow: nothing wrong in the tables, (\d+) times$", r.out[:r.out.index("leaky.elf: ")], re.M))
    check(int(tables["trap"]) > 500 and int(tables["nested"]) > 100, f"{tables}")


def test_compare_finds_the_leak():
    """Xuk under trap: the instruction, both values, the events before it, and what is wrong with it; the others are right."""
    r = _compare(guest.guest("leaky"), "-cpu", "rv64,xuk=true", "--check")
    ends(r, 123, "trap: stopped by a check after")
    report = r.out[r.out.index("trap: stopped"):]
    for words in ("<kernel_uk+", "csrr a0, uk (0xcc002573)", "a0 (x10)             0x0, expected 0x1", "the events before it:", "vm_exit reason=privileged",
                  "sensitive, but not privileged", "Popek and Goldberg's condition"):
        check(words in report, f"no {words!r} in {report}")
    for t in ("emulate", "translate", "nested"):
        check(re.search(rf"^  {t}: --check: no difference", r.out, re.M), f"{t} differs: {r.out}")
    # Without the check it is the output that differs; without the extension nothing does.
    ends(_compare(guest.guest("leaky"), "-cpu", "rv64,xuk=true", "--techniques", "trap"), 123, "trap: not the same as natively")
    ends(_compare(guest.guest("leaky"), "--check"), 0)


def test_leak_of_a_guest():
    """One guest's -cpu is enough: the real machine has the extension too, and the guest sees what it would see alone."""
    leaky = guest.guest("leaky")
    for t in ("trap", "translate", "nested"):
        alone = vitrine("--vmm", t, "-cpu", "rv64,xuk=true", "-kernel", leaky)
        one_of = vitrine("--vmm", t, "--vm", f"-cpu rv64,xuk=true -kernel {leaky}")
        check(alone.out == one_of.out and ("I run in user mode" in alone.out) == (t == "trap"), f"{t}: {one_of.out}", one_of)


def test_compare_finds_a_late_leak():
    """One that no register shows at any exit: the value goes to memory, long before the next exit."""
    rounds = 0x50000
    words = [0x000502b7,  # lui t0, 0x50
             0xfff28293, 0xfe029ee3,  # loop: addi t0, t0, -1; bnez t0, loop
             0xcc0025f3,  # csrr a1, uk
             0x00000317, 0x04b33023,  # auipc t1, 0; sd a1, 64(t1)
             0x00000593,  # li a1, 0
             0x000502b7, 0xfff28293, 0xfe029ee3,  # another such loop
             0x00800893, 0x00000073]  # li a7, 8; ecall: power off
    with tempfile.TemporaryDirectory() as d:
        name = os.path.join(d, "late")
        with open(name, "wb") as f:
            f.write(struct.pack(f"<{len(words)}I", *words))
        r = _compare(name, "-m", "8M", "-cpu", "rv64,xuk=true", "--check", "--techniques", "trap,nested")
    ends(r, 123, "Popek and Goldberg")
    check(f"after {2 * rounds + 2} instructions, in S, before 0x8020_0010" in r.out, r.out)
    check("at 0x8020_000c: csrr a1, uk (0xcc0025f3)" in r.out and "nested: --check: no difference" in r.out, r.out)


def test_compare_ends():
    """Guests that end by a status, that are stopped, that wait; techniques that cannot; each says so."""
    hello = guest.guest("hello")
    r = _compare("--vm", f"-m 16M -kernel {hello}", "--vm", f"-m 8M -cpu rv64,h=true -kernel {guest.guest('shell')}", "--techniques", "emulate,nested",
                 "--max-insns", "5000000")
    ends(r, 0, "hello.elf: ended with status 0")
    check(re.search(r"shell.elf: waits for input", r.out), r.out)
    check(re.search(r"nested: not run\n    .*has the H extension itself", r.out), r.out)
    run = _json(hello, "--max-insns", "100", "--techniques", "nested")["guests"][0]["runs"]
    check([x["end"] for x in run] == ["limit", "limit"] and run[1]["counts"]["instructions"] == 100, str(run)[:300])


def test_compare_usage():
    """Each message names the thing and the way out; nothing is run."""
    hello = guest.guest("hello")
    for words, says in (((), "no guest: give kernels"), ((hello, "--techniques", "magic"), "no technique 'magic'"),
                        ((hello, "--format", "xml"), "--format xml: give text, json or svg"), ((hello, "--input"), "--input: needs an argument"),
                        ((hello, "--input", "/nowhere"), "/nowhere: No such file"), ((hello, "-o", "/nowhere/x"), "/nowhere/x: No such file"),
                        ((hello, "--costs", "/nowhere"), "/nowhere: No such file"), ((hello, "--idle", "never"), "--idle never: give seconds"),
                        ((hello, "--vm", "-kernel 'x"), "a quote is not closed")):
        r = _compare(*words)
        ends(r, 125)
        check(says in r.err, f"{words}: {r.err!r}")
    for words, says in (((hello, "--no-such"), "no such option"), (("/nowhere.elf",), "/nowhere.elf"), ((hello, "--realtime"), "leave it out"),
                        ((hello, "--vmm", "trap"), "leave it out")):
        r = _compare(*words)
        ends(r, 125, err=says)
    ends(_compare("--help"), 0, "Usage: vitrine compare GUEST...")


def test_vmstat():
    """--vmstat counts as --stats does."""
    for t in ("trap", "nested"):
        r = vitrine("--vmm", t, "--stats", "--vmstat=4", "-m", "32M", "-kernel", guest.guest("mono"), "--max-insns", "600000", stdin=SCRIPT)
        exits = {m.group(1): int(m.group(2)) for m in re.finditer(r"^  exits (\w+) +(\d+)$", r.err, re.M)}
        check(f"by {t}: {sum(exits.values())} exits in 600000 instructions" in r.err, f"{t}: {exits}", r)
        table = r.err[r.err.index("  by reason"):]
        mine = {m.group(2): int(m.group(1)) for m in re.finditer(r"^ +(\d+) +[\d.]+%  (\w+)$", table[:table.index("  by function")], re.M)}
        check(mine == exits, f"{t}: {mine}, {exits}")
        between = [int(n) for n in re.findall(r"^ +(\d+)  [\d.]+ ", table[table.index("  instructions between"):], re.M)]
        check(sum(between) == sum(exits.values()), f"{t}: {sum(between)} in the histogram")
        rows = table[table.index("  by instruction"):table.index("  instructions between")].split("\n")[1:5]
        check(all(re.match(r" +\d+ +[\d.]+%  \w+ +0x[\da-f_]+ <\w+\+0x", row) for row in rows), f"{t}: {rows}")
    ends(vitrine("--vmm", "trap", "--vmstat=x", "-kernel", guest.guest("hello")), 125, "", "--vmstat=x: give how many")
    ends(vitrine("--vmstat", "-kernel", guest.guest("hello")), 125, "", "--vmstat: only with --vmm")
