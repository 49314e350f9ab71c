#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The manual's pages on virtual machines, and the guests' READMEs: their commands are run, and must print what stands below them.

manual.py --build DIR [NAME...]   the pages whose names contain one of NAME; none = all
manual.py --build DIR --show PAGE the commands of a page and what they print, to copy from
manual.py --build DIR --rewrite   puts new figures and addresses into the pages, where a line is the same otherwise

In an indented block, a line "$ command" is run by a shell; "mono$ words", "(vitrine) words" and the like are typed to what it started. Every other line
must be among what that printed, anywhere: blanks count once, addresses and registers of instructions do not count, other numbers may differ a little, since compilers do.
"..." stands for anything, and what follows two blanks and # is a remark. A block without "$" is not looked at, but each "vitrine ..." in one
must be a command line that vitrine takes.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(HERE, ".."))
import tally  # noqa: E402

PAGES = ["docs/virtualization.md", "docs/vmm.md", "docs/compare.md", "docs/hypercalls.md", "docs/extensions.md"]
PAGES += [f"guests/{g}/README.md" for g in ("hello", "shell", "mono", "micro", "para", "leaky", "hostile", "xdisk", "user", "common", "stumble")]
BUILD = ""
TYPED = re.compile(r"(?:\[(\d)\] )?(\((?:vitrine|vitrine, mid-instruction)\)|mono\$|micro\$|para\$|>) ?(.*)$")


class Failed(Exception):
    pass


class Skipped(Exception):
    pass


def blocks(text):
    """Runs of lines that are indented by four, without the four; blank lines may be among them."""
    block = []
    for line in text.splitlines() + ["end"]:
        if line.startswith("    "):
            block.append(line[4:])
        elif not line.strip() and block:
            block.append("")
        elif block:
            yield block
            block = []


class Step:
    """A command, what is typed to it, and what it is said to print."""

    def __init__(self, command):
        self.command, self.typed, self.shown, self.guests = command, [], [], set()
        self.debugs = False

    def take(self, line):
        m = TYPED.match(line)
        if m:
            if m[1]:
                self.typed.append("\x01" + m[1])
                self.guests.add(m[1])
            self.typed.append(m[3] + "\n")
            if m[2].startswith("("):  # the debugger prints no prompt to a pipe
                self.debugs = True
                return
        self.shown.append(line)

    def stdin(self):
        """With an end for shells, and for the debugger."""
        if self.debugs:
            return "".join(self.typed) + "quit\n"
        ends = "".join(f"\x01{g}exit\n" for g in sorted(self.guests))
        return "".join(self.typed) + (ends or ("exit\n" if self.typed else ""))


def steps(text):
    for block in blocks(text):
        step = None
        for line in block:
            if line.startswith("$ "):
                if step:
                    yield step
                step = Step(line[2:])
            elif step and step.command.endswith("\\"):
                step.command = step.command[:-1] + line.strip()
            elif step:
                step.take(line)
        if step:
            yield step


def folder():
    """A place where the guests lie as the pages have them."""
    d = tempfile.TemporaryDirectory()
    guests = os.path.join(BUILD, "guests")
    for name in os.listdir(guests):
        if name.endswith((".elf", ".img")):
            os.symlink(os.path.join(guests, name), os.path.join(d.name, name))
    for build in ("release", "run"):
        os.makedirs(os.path.join(d.name, "build", build))
        os.symlink(guests, os.path.join(d.name, "build", build, "guests"))
        os.symlink(os.path.join(BUILD, "vitrine"), os.path.join(d.name, "build", build, "vitrine"))
    with open(os.path.join(d.name, "disk.img"), "wb") as f:
        f.truncate(1 << 20)
    for name in ("docs", "guests"):
        os.symlink(os.path.join(ROOT, name), os.path.join(d.name, name))
    return d


def run(command, where, stdin="", timeout=120):
    env = dict(os.environ, PATH=os.path.abspath(BUILD) + os.pathsep + os.environ["PATH"], HOME=where, NO_COLOR="1")
    return subprocess.run(["bash", "-c", command], input=stdin.encode(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=where, env=env, timeout=timeout,
                          check=False)


# ---- What is the same ----

NUMBER = r"0x[0-9a-f_]+|\b[0-9a-f]{16}\b|\b[0-9a-f]{4}(?:_[0-9a-f]{4})+\b|\d[\d_]*(?:\.\d+)?"


REGISTER = re.compile(r"\b[ast]\d{1,2}\b(?=[,)])")  # of an instruction: which one is the compiler's choice


def is_address(word):
    return word.startswith("0x") or not re.fullmatch(r"[\d_]*(\.\d+)?", word) or len(word) >= 12


def near(shown, printed):
    """Do two figures agree? Small ones are names more than figures."""
    a, b = float(shown.replace("_", "")), float(printed.replace("_", ""))
    if "." in shown:
        return abs(a - b) <= max(1, 0.3 * max(a, b))
    return a == b or (max(a, b) >= 10 and abs(a - b) <= max(3, 0.3 * max(abs(a), abs(b))))


def there(line, told):
    """Is such a line among what was printed?"""
    line, told = (REGISTER.sub("reg", text) for text in (re.sub(r"  +# .*$", "", line), told))
    row = re.fullmatch(r" *(\d+) +(\d+(?:\.\.\d+)?) *#*", line)
    if row:  # of a histogram: a few more or less of few, and another bar
        counts = [int(n) for n in re.findall(rf"(?<!\S)(\d+) {re.escape(row[2])}(?!\S)", told)] or [0]
        return any(abs(int(row[1]) - n) <= max(3, 0.3 * max(int(row[1]), n)) for n in counts)
    words = re.split(f"({NUMBER})", " ".join(line.split()))
    pattern, figures = "", []
    for i, word in enumerate(words):
        if i % 2 == 0:
            pattern += re.escape(word).replace(r"\.\.\.", ".*?").replace(r"\ ", " ")
        elif is_address(word):
            pattern += r"(?:0x)?[0-9a-f_]+"
        else:
            pattern += r"(\d[\d_]*(?:\.\d+)?)"
            figures.append(word)
    for m in re.finditer(pattern, told):
        if all(near(a, b) for a, b in zip(figures, m.groups())):
            return True
    return False


def squeeze(text):
    return " ".join(re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r", "").split())


def page(name):
    with open(os.path.join(ROOT, name), encoding="utf-8") as f:
        return f.read()


def check_page(name):
    text = page(name)
    with folder() as where:
        for step in steps(text):
            if step.command.startswith(("qemu", "scripts/", "git ", "diff ")):
                continue
            r = run(step.command, where, step.stdin())
            told = squeeze(r.stdout.decode("latin-1"))
            for line in step.shown:
                if not there(line, told):
                    raise Failed(f"{name}: $ {step.command}\n  {line!r} is not what it prints:\n  {told[-3000:]}")
        for line in re.findall(r"^    (vitrine [^\n]*[a-z][^\n]*)$", text, re.M):
            if re.search(r"\b[A-Z]{3,}\b|\.\.\.|Image|: ", line) or "-gdb" in line:
                continue  # it has words to be replaced
            line = re.sub(r"  +#.*$", "", line).replace(" --realtime", "")  # whose time is ours
            limit = "" if line.startswith(("vitrine compare", "vitrine help", "vitrine trace")) else " --max-insns 300000"
            debug = line.startswith("vitrine debug")
            r = run(line + ("" if debug else limit), where, "quit\n" if debug else "")
            if r.returncode == 125:
                raise Failed(f"{name}: {line}\n  {r.stdout.decode('latin-1')[-500:]}")


def show(name):
    with folder() as where:
        for step in steps(page(name)):
            r = run(step.command, where, step.stdin())
            print(f"$ {step.command}\n{r.stdout.decode('latin-1')}\n(status {r.returncode})\n")


def shape(line):
    """A line without its figures and addresses."""
    return " ".join(re.sub(NUMBER, "N", line).split())


def rewrite(name):
    """Each shown line that is there but for its figures gets those that are printed now."""
    text = page(name)
    with folder() as where:
        for step in steps(text):
            r = run(step.command, where, step.stdin())
            printed = {}
            for line in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", r.stdout.decode("latin-1").replace("\r", "")).splitlines():
                printed.setdefault(shape(line), []).append(line.rstrip())
            shapes = [shape(line) for line in step.shown]
            for i, line in enumerate(step.shown):
                now = printed.get(shapes[i], [])
                if not line.strip() or len(now) != shapes.count(shapes[i]):
                    continue  # which one is meant?
                new = now[shapes[:i].count(shapes[i])].lstrip()
                indent = re.match(" *", line)[0]
                text = text.replace("    " + line + "\n", "    " + indent + new + "\n", 1)
    with open(os.path.join(ROOT, name), "w", encoding="utf-8") as f:
        f.write(text)


def page_test(name):
    def test():
        check_page(name)
    return test


def test_it_finds_what_is_wrong():
    told = squeeze("page 144\nvm_exit reason privileged, cause 2, tval 0x18029073\nlevel 2 in all\n")
    for good in ("  page    140", "vm_exit reason privileged, ... tval 0x1", "level 2  # that is the root", "..."):
        if not there(good, told):
            raise Failed(f"{good!r} is there")
    for bad in ("page 14", "page 300", "vm_exit reason page", "level 1"):
        if there(bad, told):
            raise Failed(f"{bad!r} is not there")


for _page in PAGES:
    globals()["test_" + re.sub(r"\W", "_", _page)] = page_test(_page)


def main():
    global BUILD
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--show")
    parser.add_argument("--rewrite", action="store_true")
    parser.add_argument("names", nargs="*")
    a = parser.parse_args()
    BUILD = os.path.abspath(a.build)
    if a.show:
        show(a.show)
        return 0
    if a.rewrite:
        for name in PAGES:
            rewrite(name)
        return 0
    return tally.run(tally.of(a.names, globals()), Skipped, (Failed, subprocess.TimeoutExpired))


if __name__ == "__main__":
    sys.exit(main())
