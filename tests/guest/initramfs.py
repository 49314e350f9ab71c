#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""initramfs.py TREE INIT OUT NAME...: writes the initramfs OUT (gzip'd cpio) with INIT as its /init, TREE's busybox, and the kernel
modules NAME and what they depend on, in lib/modules, whose file `order` tells in which order to load them. A NAME with a slash is a
program instead, which comes into bin."""
import gzip
import lzma
import os
import re
import stat
import sys


class Cpio:
    """The newc format: a header of hexadecimal numbers, the name and the data, each padded to 4 bytes."""

    def __init__(self, file):
        self.file, self.inode = file, 0

    def add(self, name, mode, data=b"", device=(0, 0)):
        self.inode += 1
        fields = (self.inode, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name) + 1, 0)
        head = ("070701" + "".join(f"{f:08x}" for f in fields) + name + "\0").encode("ascii")
        self.file.write(head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4))

    def folder(self, name):
        self.add(name, stat.S_IFDIR | 0o755)


def main():
    tree, init, out = sys.argv[1:4]
    wanted = [a for a in sys.argv[4:] if "/" not in a]
    programs = [a for a in sys.argv[4:] if "/" in a]
    files, busybox = {}, None
    for folder, _, names in os.walk(tree):
        for name in names:
            found = re.fullmatch(r"(.*)\.ko(\.xz)?", name)
            if found:
                files[found.group(1).replace("-", "_")] = os.path.join(folder, name)
            elif name == "busybox" and folder.endswith("bin"):
                busybox = os.path.join(folder, name)
    modules = {} # in the order in which they can be loaded

    def read(file):
        with (lzma.open(file) if file.endswith(".xz") else open(file, "rb")) as f:
            return f.read()

    def add(name):
        if name in modules:
            return
        if name not in files:
            print(f"initramfs.py: no module {name}: it is built into the kernel", file=sys.stderr)
            return
        data = read(files[name])
        for group in re.findall(rb"\0depends=([^\0]*)\0", b"\0" + data): # in .modinfo
            for needed in filter(None, group.decode().split(",")):
                add(needed.replace("-", "_"))
        modules[name] = data

    # ext4 asks for a checksum by its name only
    for name in ["crc32c_generic", "libcrc32c", *wanted]:
        if name in files or name in wanted:
            add(name)
    with gzip.GzipFile(out, "wb", compresslevel=1, mtime=0) as f:
        c = Cpio(f)
        for folder in ("bin", "dev", "proc", "sys", "mnt", "etc", "lib", "lib/modules"):
            c.folder(folder)
        c.add("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))
        c.add("init", stat.S_IFREG | 0o755, read(init))
        c.add("bin/busybox", stat.S_IFREG | 0o755, read(busybox))
        for program in programs:
            c.add("bin/" + os.path.basename(program), stat.S_IFREG | 0o755, read(program))
        for name, data in modules.items():
            c.add(f"lib/modules/{name}.ko", stat.S_IFREG | 0o644, data)
        c.add("lib/modules/order", stat.S_IFREG | 0o644, "".join(name + "\n" for name in modules).encode("ascii"))
        c.add("TRAILER!!!", 0)


main()
