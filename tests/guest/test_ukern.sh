#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs guests/ukern on 1, 3 and 8 harts, with both timers, with and without ASIDs, and checks what it says, its status
# and what it left on the disk.
#   test_ukern.sh VITRINE UKERN_ELF
# The peer that the kernel is checked on first: UKERN_MACHINE='qemu-system-riscv64 -global virtio-mmio.force-legacy=false'
# replaces `VITRINE run`, UKERN_TIMEOUT (seconds, 120) bounds each run.
set -u
if [ $# -ne 2 ]; then
    echo "usage: $0 VITRINE UKERN_ELF" >&2
    exit 2
fi
elf=$2
limit=${UKERN_TIMEOUT:-120}
if [ -n "${UKERN_MACHINE:-}" ]; then
    read -r -a machine <<<"$UKERN_MACHINE"
else
    machine=("$1" run)
fi
dir=$(mktemp -d) || exit 2
trap 'rm -rf "$dir"' EXIT
disk=$dir/disk.img
failed=0
number=0

result() { # ok|not-ok, what
    number=$((number + 1))
    if [ "$1" = 0 ]; then
        echo "ok $number - $2"
    else
        echo "not ok $number - $2"
        failed=$((failed + 1))
        sed 's/^/# /' "$dir/out" | tail -40
    fi
}

# Sector 0: magic, number of sectors after it, their checksum; then those sectors. 1 MiB in all.
make_disk() {
    python3 - "$disk" <<'EOF'
import struct, sys
mask = 2**64 - 1
sectors = 40
words = [(s * 0x123456789abcdef1 + w * 0x1000193) & mask for s in range(1, sectors + 1) for w in range(64)]
sum = 0xcbf29ce484222325
for w in words:
    sum = (sum ^ w) * 0x100000001b3 & mask
image = bytearray(2048 * 512)
image[0:24] = b"UKDISK1\n" + struct.pack("<QQ", sectors, sum)
image[512:512 + 8 * len(words)] = struct.pack("<%dQ" % len(words), *words)
open(sys.argv[1], "wb").write(image)
EOF
}

# The guest's twelve writers fill sectors 64..255, word w of sector s = s * 0x9e3779b97f4a7c15 + w; the rest is as it was.
check_disk() {
    cp "$disk" "$dir/after.img"
    make_disk
    python3 - "$disk" "$dir/after.img" <<'EOF'
import struct, sys
mask = 2**64 - 1
want = bytearray(open(sys.argv[1], "rb").read())
for s in range(64, 256):
    want[512 * s:512 * (s + 1)] = struct.pack("<64Q", *[(s * 0x9e3779b97f4a7c15 + w) & mask for w in range(64)])
sys.exit(want != open(sys.argv[2], "rb").read())
EOF
}

run() { # harts, boot arguments, more options...; the console goes to $dir/out
    local harts=$1 args=$2
    shift 2
    timeout -k 5 "$limit" "${machine[@]}" -M virt -smp "$harts" -m 128M -bios none -kernel "$elf" -append "$args" \
        -drive "file=$disk,if=none,format=raw,id=x0" -device virtio-blk-device,drive=x0,bus=virtio-mmio-bus.0 \
        -nographic "$@" >"$dir/out" 2>&1
}

utests() { # harts, boot arguments, expected words in the first line, more options...
    local harts=$1 args=$2 expect=$3 what status
    shift 3
    what="utests on $harts harts${args:+, $args}${*:+, $*}"
    make_disk
    run "$harts" "$args" "$@" </dev/null
    status=$?
    [ $status = 0 ] && grep -q "^ukern: $harts harts, 128 MiB, $expect" "$dir/out" &&
        grep -q "^utests: [0-9]* passed, 0 failed" "$dir/out" && ! grep -q '^not ok' "$dir/out" &&
        { [ -n "${UKERN_MACHINE:-}" ] || ! grep -q '^skip' "$dir/out"; }
    result $? "$what (status $status)"
    check_disk
    result $? "$what: the disk"
}

utests 1 "" "timer stimecmp"
utests 3 "" "timer stimecmp"
utests 8 "" "timer stimecmp"
utests 3 "asid" "timer stimecmp, ASIDs"
utests 3 "timer=clint" "timer CLINT"
utests 2 "asid adue" "timer CLINT, ASIDs" -cpu rv64,sstc=false

make_disk
run 3 "bench=5" </dev/null
status=$?
[ $status = 0 ] && grep -q '^bench: rounds=5 sum=a4b690 ' "$dir/out"
result $? "bench on 3 harts (status $status)"

# The prompt: type a line, wait for the next prompt, type the rest, with corrections.
prompts() { # waits until the guest has prompted so often
    for _ in $(seq $((limit * 5))); do
        [ "$(grep -o 'ukern\$ ' "$dir/out" | wc -l)" -ge "$1" ] && return 0
        kill -0 "$guest" 2>/dev/null || return 1
        sleep 0.2
    done
    return 1
}
mkfifo "$dir/keys"
: >"$dir/out"
exec 3<>"$dir/keys"
run 3 "sh" <&3 &
guest=$!
prompts 1 && printf 'hello one two\n' >&3
prompts 2 && printf 'hellp\b\b\b\b\bhello three\nnothing\npoweroff 7\n' >&3
wait $guest
status=$?
exec 3>&-
[ $status = 7 ] && grep -qx 'hello one two' "$dir/out" && grep -q '^hello three$\|ukern\$ hello three$' "$dir/out" &&
    grep -q 'nothing: no such program' "$dir/out"
result $? "the prompt (status $status)"

echo "1..$number"
[ $failed = 0 ]
